"""Vendors the painter's sprites: run once when `nouns.txt` changes, never at run time.

    mkdir /tmp/sprites && cd /tmp/sprites
    npm pack @lobehub/fluent-emoji-3d@1.1.0 && npm pack emojibase-data@17.0.0
    python <repository>/tools/vendor_sprites.py /tmp/sprites

Takes the emoji that `lib/sandbox/painter/assets/nouns.txt` names (labels are emojibase's), crops them to what is
visible, shrinks them to at most 256 pixels and writes them as WebP into one file, `sprites.zip` (stored, not deflated),
with `index.json`: label -> names of the members, one per skin tone. It needs Pillow and the two packed packages; it
does not reach the network itself.
"""

import io
import json
import re
import sys
import tarfile
import zipfile
from pathlib import Path

from PIL import Image

ASSETS = Path(__file__).parents[1] / "lib/sandbox/painter/assets"
SIDE = 256
QUALITY = 80
# Two tones for every first, third... sprite of a line and two others for its neighbours: four over a profession.
TONES = (("1f3fc", "1f3fe"), ("1f3fd", "1f3fb"))
ZERO_TIME = (1980, 1, 1, 0, 0, 0)  # the archive is the same bytes whenever it is built


def wanted(nouns: str) -> dict[str, tuple[str, ...]]:
    """Labels that the vocabulary draws, with the skin tones to take ('' is the emoji's own)."""
    labels: dict[str, tuple[str, ...]] = {}
    for line in nouns.splitlines():
        if not line or line[0] in "#[":
            continue
        for position, sprite in enumerate(line.split("|")[0].split(";")):
            if sprite.strip().startswith("@"):  # modelled, not vendored
                continue
            toned = sprite.strip().endswith("*")
            label = re.sub(r":\S+$", "", sprite.strip().rstrip("*"))
            labels.setdefault(label, TONES[position % 2] if toned else ("",))
    return labels


def read_members(package: Path, suffix: str) -> dict[str, bytes]:
    members = {}
    with tarfile.open(package) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(suffix):
                extracted = tar.extractfile(member)
                members[member.name] = extracted.read() if extracted else b""
    return members


def find(assets: dict[str, bytes], hexcode: str, tone: str) -> tuple[str, bytes] | None:
    """The package drops or keeps the variation selector as it likes; the tone follows the first code point."""
    first, *rest = [part for part in hexcode.lower().split("-") if part != "fe0f"]
    plain = "-".join([first, *([tone] if tone else []), *rest])
    for name in (plain, f"{plain}-fe0f", hexcode.lower()):
        found = assets.get(f"package/assets/{name}.webp")
        if found:
            return plain, found
    return None


def shrink(webp: bytes) -> bytes:
    image = Image.open(io.BytesIO(webp)).convert("RGBA")
    visible = image.getchannel("A").point([255 * (v > 16) for v in range(256)]).getbbox()
    image = image.crop(visible)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "WEBP", quality=QUALITY, alpha_quality=90, method=6)
    return out.getvalue()


def vendor(folder: Path) -> tuple[int, list[str]]:
    emoji = next(folder.glob("lobehub-fluent-emoji-3d-*.tgz"))
    data = next(folder.glob("emojibase-data-*.tgz"))
    assets = read_members(emoji, ".webp")
    table = json.loads(read_members(data, "package/en/data.json")["package/en/data.json"])
    hexcodes = {entry["label"]: entry["hexcode"] for entry in table}
    index: dict[str, list[str]] = {}
    missing: list[str] = []
    sprites: dict[str, bytes] = {}
    for label, tones in wanted((ASSETS / "nouns.txt").read_text(encoding="utf-8")).items():
        found = [find(assets, hexcodes[label], tone) for tone in tones] if label in hexcodes else [None]
        known = [item for item in found if item]
        if not known:
            missing.append(label)
        for name, webp in known:
            sprites[f"{name}.webp"] = shrink(webp)
        index[label] = [f"{name}.webp" for name, _ in known]
    with zipfile.ZipFile(ASSETS / "sprites.zip", "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(sprites):
            archive.writestr(zipfile.ZipInfo(name, ZERO_TIME), sprites[name])
    text = json.dumps(index, indent=0, ensure_ascii=False, sort_keys=True)
    (ASSETS / "index.json").write_text(text + "\n", encoding="utf-8")
    return len(sprites), missing


if __name__ == "__main__":
    count, absent = vendor(Path(sys.argv[1]))
    sys.stdout.write(f"{count} sprites; not found: {absent}\n")
