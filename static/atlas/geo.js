// Where a place on Earth lies on the map: Natural Earth I, the projection world.json was drawn in. Pure functions.
const SCALE = 183, X0 = 500, Y0 = 265, RAD = Math.PI / 180;

/** Longitude and latitude in degrees to map units. */
export function project(lat, lon) {
  const l = lon * RAD, p = lat * RAD, p2 = p * p, p4 = p2 * p2;
  return [
    X0 + SCALE * l * (0.8707 - 0.131979 * p2 + p4 * (-0.013791 + p4 * (0.003971 * p2 - 0.001529 * p4))),
    Y0 - SCALE * p * (1.007226 + p2 * (0.015085 + p4 * (-0.044475 + 0.028874 * p2 - 0.005916 * p4))),
  ];
}

/** The great circle between two places as one SVG path; it is cut where it leaves the map at the date line. */
export function arc(lat1, lon1, lat2, lon2, steps = 72) {
  const a = vector(lat1, lon1), b = vector(lat2, lon2);
  const angle = Math.acos(Math.max(-1, Math.min(1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2])));
  if (angle < 1e-6) return "";
  let path = "", last = null;
  for (let i = 0; i <= steps; i++) {
    const t = i / steps, u = Math.sin((1 - t) * angle) / Math.sin(angle), v = Math.sin(t * angle) / Math.sin(angle);
    const [x, y, z] = a.map((c, n) => u * c + v * b[n]);
    const lon = Math.atan2(y, x) / RAD, lat = Math.atan2(z, Math.hypot(x, y)) / RAD;
    if (last !== null && Math.abs(lon - last.lon) > 180) {
      const edge = last.lon > 0 ? 180 : -180, whole = lon + 2 * edge - last.lon;
      const cut = last.lat + ((lat - last.lat) * (edge - last.lon)) / whole;
      path += "L" + at(cut, edge) + "M" + at(cut, -edge);
    }
    path += (path ? "L" : "M") + at(lat, lon);
    last = { lat, lon };
  }
  return path;
}

/** Push discs apart until none touch: `points` are {x, y, r}; returns their places in the same order. */
export function spread(points, gap = 2, rounds = 80) {
  const at = points.map((p) => ({ x: p.x, y: p.y }));
  for (let round = 0; round < rounds; round++) {
    let moved = 0;
    for (let i = 0; i < at.length; i++) {
      for (let j = i + 1; j < at.length; j++) {
        const want = points[i].r + points[j].r + gap;
        let dx = at[j].x - at[i].x, dy = at[j].y - at[i].y;
        if (Math.abs(dx) > want || Math.abs(dy) > want) continue;
        let far = Math.hypot(dx, dy);
        if (far >= want) continue;
        if (far < 0.01) { dx = Math.cos(i * 2.4); dy = Math.sin(i * 2.4); far = 1; }
        const push = ((want - far) / far) * 0.5;
        moved += want - far;
        at[i].x -= dx * push; at[i].y -= dy * push; at[j].x += dx * push; at[j].y += dy * push;
      }
    }
    if (moved < 0.5) break;
  }
  return at;
}

function vector(lat, lon) {
  const p = lat * RAD, l = lon * RAD;
  return [Math.cos(p) * Math.cos(l), Math.cos(p) * Math.sin(l), Math.sin(p)];
}

function at(lat, lon) {
  const [x, y] = project(lat, lon);
  return x.toFixed(1) + " " + y.toFixed(1);
}
