"""The text that goes with a picture, in the form the Web UI writes and its clients parse."""

import io

from PIL import Image, PngImagePlugin

from lib.sandbox.painter.model import MODEL_NAME, DrawRequest


def infotext(request: DrawRequest, seed: int, size: tuple[int, int], skipped: tuple[str, ...]) -> str:
    """Prompt, negative prompt, then `Key: value` pairs; a value with a comma is quoted."""
    fields = {
        "Steps": str(request.steps),
        "Sampler": request.sampler_name,
        "CFG scale": f"{request.cfg_scale:g}",
        "Seed": str(seed),
        "Size": f"{size[0]}x{size[1]}",
        "Model": MODEL_NAME,
    }
    if skipped:
        fields["Skipped words"] = ", ".join(skipped[:20])
    fields["Version"] = "gpu-atlas-sandbox"
    lines = [_storable(request.prompt)]
    if request.negative_prompt:
        lines.append(f"Negative prompt: {_storable(request.negative_prompt)}")
    lines.append(", ".join(f"{key}: {_quoted(key, value)}" for key, value in fields.items()))
    return "\n".join(lines)


def _storable(text: str) -> str:
    """PNG text ends at a NUL, and half a surrogate pair has no bytes."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _quoted(key: str, value: str) -> str:
    # The model's name is an exception: clients look for it as it stands.
    return f'"{value}"' if "," in value and key != "Model" else value


def png(image: Image.Image, text: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    if text.isascii():
        info.add_text("parameters", text)
    else:
        info.add_itxt("parameters", text)
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=info, compress_level=3)
    return out.getvalue()
