"""A model folder as Vosk needs it, with the model's own folder left untouched."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.asr.model_folder import ModelFolder, read_options


@contextmanager
def overlaid(folder: ModelFolder, rate_hz: int) -> Iterator[Path]:
    """A folder to load for audio at `rate_hz`: the model's own, or an overlay of links to it.

    The overlay sets `--dither=0`, without which two runs over the same audio differ, and
    `--allow-upsample=true` where the audio's rate is below the model's: Kaldi refuses it otherwise.
    It is gone when the context ends; Vosk reads everything while it loads.
    """
    upsample = rate_hz < folder.model_rate_hz and not folder.upsamples
    if not folder.dithered and not upsample:
        yield folder.path
        return
    options = read_options(folder.path / folder.mfcc)
    options["dither"] = "0"
    if upsample:
        options["allow-upsample"] = "true"
    with tempfile.TemporaryDirectory(prefix="contenance-model-") as temporary:
        overlay = Path(temporary)
        patched = overlay / folder.mfcc
        patched.parent.mkdir(exist_ok=True)
        patched.write_text("".join(f"--{k}={v}\n" for k, v in options.items()), encoding="utf-8")
        for source in (*folder.path.iterdir(), *(folder.path / folder.mfcc).parent.iterdir()):
            target = overlay / source.relative_to(folder.path)
            if not target.exists():
                _link(source.resolve(), target)
        yield overlay


def _link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source, target_is_directory=source.is_dir())
    except OSError:  # Windows without the right to make links
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
