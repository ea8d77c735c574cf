// Makes static/atlas/world.json, the outline the map draws, from Natural Earth data (public domain) as packed in
// plotly.js (MIT). Run only when the outline shall change; the result is committed and nothing here runs with the
// product. In this directory: npm i plotly.js@4.1.1 d3-geo topojson-client topojson-simplify && node build_world.mjs
//
// The outline comes in the Natural Earth I projection on a plane of 1000 units width. static/atlas/map.js holds the
// same formula for points and arcs; tests/unit/test_ui_map.py compares the two.
import fs from "node:fs";
import { createRequire } from "node:module";
import { geoArea, geoGraticule, geoNaturalEarth1, geoPath } from "d3-geo";
import * as topojson from "topojson-client";
import { presimplify, simplify } from "topojson-simplify";

const SCALE = 183, CENTER = [500, 265];
const SMALLEST_ISLAND = 6e-6; // steradian: about 240 km2; smaller ones are dust at every zoom we offer
const DETAIL = 0.012; // square degrees a bend must span to be kept

globalThis.window = globalThis;
globalThis.Plotly = {};
const assets = createRequire(import.meta.url)("plotly.js/dist/plotly-geo-assets.js");
const world = (assets?.topojson ?? globalThis.PlotlyGeoAssets.topojson).world_50m;

const topology = simplify(presimplify(world), DETAIL);
const path = geoPath(geoNaturalEarth1().scale(SCALE).translate(CENTER).precision(0.2)).digits(1);
const land = topojson.feature(topology, topology.objects.land ?? topology.objects.countries);
const shapes = (land.features ?? [land]).flatMap((one) => polygons(one.geometry));
const kept = shapes.filter((rings) => {
  const shape = { type: "Polygon", coordinates: rings };
  return geoArea(shape) > SMALLEST_ISLAND && Math.max(...rings[0].map(([, lat]) => lat)) > -60; // no Antarctica
});
const out = {
  about: "Natural Earth 1:50m (public domain), via plotly.js (MIT), simplified; see tools/worldmap/build_world.mjs",
  projection: { name: "naturalEarth1", scale: SCALE, translate: CENTER },
  land: path({ type: "MultiPolygon", coordinates: kept }),
  borders: path(topojson.mesh(topology, topology.objects.countries, (a, b) => a !== b)),
  graticule: path(geoGraticule().step([30, 20]).extent([[-180, -60.01], [180, 80.01]])()),
};
const file = new URL("../../static/atlas/world.json", import.meta.url);
fs.writeFileSync(file, JSON.stringify(out) + "\n");
process.stdout.write(`${kept.length} shapes, land ${out.land.length} B, borders ${out.borders.length} B\n`);

function polygons(geometry) {
  if (!geometry) return [];
  return geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
}
