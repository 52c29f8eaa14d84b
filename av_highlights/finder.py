"""Find the moments of a video that fit a query, with a trained network and its encoders."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from av_highlights.answers import Answer, Moment, read_gates
from av_highlights.bundle import Bundle
from av_highlights.bundle.published import DEFAULT, is_fetched, open_bundle
from av_highlights.features import FeatureSource, VideoFeatures, default_cache
from av_highlights.queries import check_queries
from cli import UserError
from cli.device import warn_if_slow
from cli.outputs import check_folder
from feature_extractors.encoders.device import use_device
from feature_extractors.weights.catalogue import PREFIX
from formats.arrays import Bools, Floats
from formats.bundle import DEMO_WARNING
from formats.grid import clip_bounds
from formats.rows import Row, shorten
from formats.strip import Preview
from model.checkpoint import load_network
from model.config import InferenceConfig
from model.data.feature_set import FeatureSet, NoQueries
from model.data.origins import check_origins
from model.data.streams import Streams
from model.inference import split

_log = logging.getLogger(__name__)

DUPLICATE_IOU = 0.5
"""Of moments that overlap by more than this IoU, only the best is listed, as in config/folder.yaml."""


def default_bundle() -> str:
    """The public network that is used if none is named, once it was fetched.

    Raises:
        UserError: it was not.
    """
    if not is_fetched(DEFAULT):
        raise UserError(
            f"no bundle is named, and {PREFIX}{DEFAULT} is not here: run `python -m av_highlights fetch {DEFAULT}`, or "
            "after `make run` `python -m av_highlights bundle --run base --seed 2018 --out bundles/demo`, and name it "
            "with --bundle bundles/demo"
        )
    return f"{PREFIX}{DEFAULT}"


class MomentFinder:
    """A trained network with its encoders, which answers queries about any video.

    Examples:
        >>> finder = MomentFinder.load("bundles/demo")
        >>> answers = finder.find("video.mp4", ["a siren is heard"])
        >>> answers[0].moments[0].start
        12.0
    """

    def __init__(self, bundle: Bundle, cache: Path, device: str, threads: int) -> None:
        """Use `load`."""
        place = use_device(device, threads)
        for precision in sorted({stage.encoding.precision for stage in bundle.stages.values()}):
            warn_if_slow(f"{bundle.folder}: encoding.precision", precision, str(place), torch.ops.mkldnn)
        self.bundle = bundle
        self._device = str(place)
        self._features = FeatureSource(bundle, cache, place)
        self._network, self._about = load_network(bundle.checkpoint)
        self._named: set[str] = set()  # queries that are too long

    @classmethod
    def load(
        cls,
        bundle: str | Path | Bundle | None = None,
        *,
        cache: str | Path | None = None,
        device: str = "auto",
        threads: int | None = None,
    ) -> MomentFinder:
        """Load a bundle.

        Torch is set to deterministic algorithms and to `threads`, for the whole process.

        Args:
            bundle: its folder, or `published:NAME`, which is fetched if it is not here; None for the public network of
                `default_bundle`.
            cache: folder of features that were made before; None for `av-highlights` in the user's cache.
            device: cpu, cuda, cuda:N, or auto for a GPU if there is one.
            threads: CPU threads of the networks; None for all that this process may use. The last digits of features
                may depend on their number.

        Raises:
            UserError: the bundle is incomplete or damaged or cannot be fetched, the cache cannot be written, or the
                device does not exist.
        """
        place = default_cache() if cache is None else Path(cache)
        check_folder(place)
        loaded = bundle if isinstance(bundle, Bundle) else open_bundle(default_bundle() if bundle is None else bundle)
        return cls(loaded, place, device, len(os.sched_getaffinity(0)) if threads is None else threads)

    def find(self, video: str | Path, queries: str | Iterable[str] | None = None) -> list[Answer]:
        """Answer queries about a video of any length and container. The video is encoded once.

        Args:
            video: the file.
            queries: one query or several; None for the highlights of the video (`NEUTRAL_QUERY`).

        Returns:
            one answer per query, in order; of equal queries one.

        Raises:
            UserError: the video is missing, broken or without pictures; a query is empty or not text; the weights of an
                encoder are missing.
        """
        return self.answer(Path(video), check_queries(queries), neutral=queries is None)

    def answer(self, video: Path, queries: Sequence[str], *, neutral: bool = False, place: str = "") -> list[Answer]:
        """`find`, for checked queries. `place` says which of several files this is, for progress."""
        features = self._features.of_video(video, place)
        store, qids = self._features.of_queries(queries)
        vid = features.video.vid
        rows: list[Row] = [{"qid": qids[query], "query": query, "vid": vid} for query in queries]
        streams = Streams([*features.stores, store])
        try:
            feature_set = FeatureSet(self._network.config, rows, streams, seed=self._about.get("seed", 0))
        except NoQueries:
            cause = "; ".join(features.problems) or "none of its pictures can be decoded"
            raise UserError(f"{video}: {cause}") from None
        split.check_dims(self._network, feature_set, str(self.bundle.checkpoint))
        if self._about.get("features"):  # those of others are those that the bundle says
            check_origins(self._about["features"], feature_set.origins, str(self.bundle.checkpoint))
        for query in queries:
            self._name_cut(query, streams.any(self.bundle.text_stream).length(str(qids[query])))
        config = InferenceConfig(window_seconds=self.bundle.window_seconds, duplicate_iou=DUPLICATE_IOU)
        logged = range(len(rows) if self._network.config.has_gates else 0)
        moments = not neutral and split.learnt_moments(self._about)
        found = split.answer(self._network, feature_set, config, self._device, moments, logged)
        mask = feature_set.batch([0]).audio_mask
        heard = np.zeros(feature_set.n_clips(0), bool) if mask is None else mask[0].numpy()
        return [self._make(video, features, heard, neutral, item) for item in found]

    def preview(self, video: Path, folder: Path, name: str) -> tuple[Preview, Floats | None]:
        """What a page shows of a video that was answered about: a strip of pictures, `folder`/`name`.jpg.

        Returns:
            the preview, and the sound level of each clip in dB, (L,); None for a network without audio.
        """
        return self._features.preview_of(video, folder, name)

    def _make(self, video: Path, features: VideoFeatures, heard: Bools, neutral: bool, item: split.Answer) -> Answer:
        saliency = np.array(item.row["pred_saliency_scores"], dtype=np.float64)
        # A video may end before its last clip does.
        end = features.video.duration_s
        windows = item.row.get("pred_relevant_windows", ())
        return Answer(
            video=video,
            query=item.row["query"],
            neutral=neutral,
            moments=tuple(Moment(start, min(stop, end), score) for start, stop, score in windows if start < end),
            saliency=saliency,
            times=np.minimum(clip_bounds(len(saliency), self.bundle.clip_seconds), end),
            heard=heard,
            gates=read_gates(item.gates),
            gating_type=item.gates["gating_type"] if item.gates else "",
            problems=features.problems,
            bundle=self.bundle.name,
            warning=DEMO_WARNING if self.bundle.demo else "",
        )

    def _name_cut(self, query: str, tokens: int) -> None:
        """Say once if the network does not read all of a query: each word has at least one token."""
        read = min(tokens, self._network.config.max_tokens)
        words = len(query.split())
        if query not in self._named and max(tokens, words) > read:
            self._named.add(query)
            shown = shorten(query)
            _log.warning("%s is cut: the network reads its first %d tokens (it has %d words)", shown, read, words)
