"""What is heard when: the samples of a track on the clock of the pictures, as a stream."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

from feature_extractors.media import Problems, SoundTrack, frames_of_clips, open_sound, probe
from formats.grid import ClipGrid
from tests.feature_extractors.made_media import read_number, steady, write_media
from tests.feature_extractors.odd_media import kinds

RATE = 48_000


@dataclass(frozen=True)
class Heard:
    """A whole track: samples (n,), whether the file has sound (n,), and the track that was read."""

    samples: np.ndarray
    heard: np.ndarray
    rate: int
    track: SoundTrack

    def window(self, start: float, seconds: float) -> np.ndarray:
        return self.samples[round(start * self.rate) :][: round(seconds * self.rate)]

    def share_heard(self, start: float, seconds: float) -> float:
        return self.track.share_heard(start, seconds)


def read_sound(file: Path, rate: int, problems: Problems | None = None) -> Heard | None:
    start = probe(file.parent, file, ClipGrid()).start_s
    track = open_sound(file, rate, start, problems or Problems())
    if track is None:
        return None
    samples = np.concatenate(list(track.chunks()))
    heard = np.zeros(len(samples), np.bool_)
    for begin, end in track.heard:
        heard[round(begin * rate) : round(end * rate)] = True
    return Heard(samples, heard, rate, track)


def noise(seconds: float, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, size=(channels, round(seconds * RATE))).astype(np.float32)


@pytest.mark.parametrize("offset", [0.0, 0.5, -0.5])
@pytest.mark.parametrize(("name", "codec", "error"), [("v.mkv", "pcm_s16le", 0), ("v.mp4", "aac", 0.001)])
def test_sound_keeps_its_offset_to_the_picture(
    tmp_path: Path, offset: float, name: str, codec: str, error: float
) -> None:
    """A click one second into a track that starts earlier or later than the picture, both two seconds into the file."""
    click = np.zeros((1, 3 * RATE), np.float32)
    click[0, RATE] = 0.9
    file = write_media(
        tmp_path / name, steady(4.0), start=2.0, sound=click, sound_start=2.0 + offset, sound_codec=codec
    )
    sound = read_sound(file, RATE)
    assert sound is not None
    heard = np.argmax(abs(sound.samples)) / RATE
    assert abs(heard - (1.0 + offset)) <= error  # AAC smears a click; PCM in Matroska is exact


@pytest.mark.parametrize("offset", [0.5, -0.5])
def test_what_is_heard_outside_the_pictures_clock_is_left_out(tmp_path: Path, offset: float) -> None:
    samples = noise(3.0)
    file = write_media(tmp_path / "v.mkv", steady(4.0), start=2.0, sound=samples, sound_start=2.0 + offset)
    sound = read_sound(file, RATE)
    assert sound is not None
    half = RATE // 2
    expected = samples[0, half:] if offset < 0 else np.pad(samples[0], (half, 0))
    np.testing.assert_allclose(sound.samples, expected, atol=1 / 32768)  # 16-bit PCM
    assert sound.heard.tolist() == [offset < 0] * half + [True] * (len(expected) - half)


def test_mono_is_the_mean_of_the_channels(tmp_path: Path) -> None:
    left, right = noise(1.0, channels=2)
    for channels, mean in (
        ((left, right), (left + right) / 2),
        ((left, left), left),  # as loud as the same in mono
        ((left, 0 * left), left / 2),
    ):
        file = write_media(tmp_path / "v.mkv", steady(1.0), sound=np.stack(channels))
        sound = read_sound(file, RATE)
        assert sound is not None
        np.testing.assert_allclose(sound.samples, mean, atol=1 / 32768)  # 16-bit PCM


@pytest.mark.parametrize("native", [44_100, 22_050, 48_000])
def test_resampled_sound_has_its_length_and_its_tone(tmp_path: Path, native: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(3 * native) / native)[None]
    # After a second in which there is none.
    file = write_media(tmp_path / "v.mkv", steady(4.0), sound=tone, rate=native, sound_start=1.0)
    sound = read_sound(file, 32_000)
    assert sound is not None and sound.rate == 32_000 and sound.samples.dtype == np.float32
    assert len(sound.samples) == len(sound.heard) == 128_000
    assert sound.heard.argmax() == 32_000 and sound.heard[32_000:].all()
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(96_000) / 32_000)
    # In phase, not merely alike: away from the ends soxr's filter leaves -60 dB of error at most.
    np.testing.assert_allclose(sound.samples[35_200:-3200], expected[3200:-3200], atol=5e-4)


def test_what_the_new_rate_cannot_hold_is_gone(tmp_path: Path) -> None:
    # 18 kHz would come back as 14 kHz, in the middle of the upper mel bands.
    tone = 0.5 * np.sin(2 * np.pi * 18_000 * np.arange(RATE) / RATE)[None]
    sound = read_sound(write_media(tmp_path / "v.mkv", steady(1.0), sound=tone), 32_000)
    assert sound is not None
    assert abs(sound.samples[3200:-3200]).max() < 1e-4  # 74 dB down; 16 bits end at 90


def test_sound_that_stops_early_is_not_heard_after(tmp_path: Path) -> None:
    file = write_media(tmp_path / "v.mkv", steady(6.0), sound=noise(3.0))
    sound = read_sound(file, 32_000)
    assert sound is not None and len(sound.samples) == 96_000
    assert [sound.share_heard(start, 2.0) for start in (0.0, 2.0, 4.0)] == [1.0, 0.5, 0.0]


def test_a_video_without_sound_has_none(tmp_path: Path) -> None:
    assert read_sound(write_media(tmp_path / "v.mp4", steady(0.4)), 32_000) is None


def test_a_damaged_middle_costs_only_what_it_held(tmp_path: Path) -> None:
    good = write_media(tmp_path / "good.ts", steady(6.0), sound=noise(6.0), sound_codec="mp2")
    data = good.read_bytes()
    third = len(data) // 3
    bad = tmp_path / "bad.ts"
    bad.write_bytes(data[:third] + np.random.default_rng(0).bytes(third) + data[2 * third :])

    assert probe(tmp_path, bad, ClipGrid()).n_clips == 3
    pictures = dict(frames_of_clips(bad, 3, 2.0))
    assert [read_number(pictures[0]), read_number(pictures[2])] == [25, 125]

    problems = Problems()
    whole, rest = read_sound(good, RATE), read_sound(bad, RATE, problems)
    assert whole is not None and rest is not None
    # The tracks are interleaved: a third of the file is about 2 of the 6 seconds.
    assert 1.5 < 6 * (1 - rest.heard.mean()) < 2.5
    for start in (0.0, 4.5):
        assert rest.share_heard(start, 1.4) == 1.0
        # The decoder of MPEG layer 2 dithers: one step of 16 bits, 1 / 32768.
        np.testing.assert_allclose(rest.window(start, 1.4), whole.window(start, 1.4), atol=1.1 / 32768)
    assert rest.share_heard(2.5, 1.0) == 0.0 and not rest.window(2.5, 1.0).any()
    assert "damaged audio" in str(problems)


def test_the_track_that_players_play(tmp_path: Path) -> None:
    """The second of two, because it is marked as default (Matroska: FlagDefault)."""
    odd = next(odd for odd in kinds() if odd.name == "two.mkv")
    odd.make(tmp_path / odd.name)
    sound = read_sound(tmp_path / odd.name, RATE)
    assert sound is not None and sound.track.heard == [(1.0, 4.0)]


def test_a_huge_gap_is_not_held_in_memory(tmp_path: Path) -> None:
    file = write_media(tmp_path / "v.mkv", steady(2.0), sound=noise(0.5), sound_start=3600.0)
    track = open_sound(file, 32_000, 0.0, Problems())
    assert track is not None
    longest = total = 0
    for chunk in track.chunks():
        longest, total = max(longest, len(chunk)), total + len(chunk)
    assert total == round(3600.5 * 32_000) and longest < 3 * 32_000


def test_values_that_are_no_numbers_are_silence(tmp_path: Path) -> None:
    samples = noise(2.0)
    samples[0, 5000:5010] = np.nan
    file = write_media(tmp_path / "v.mkv", steady(2.0), sound=samples, sound_codec="pcm_f32le")
    problems = Problems()
    sound = read_sound(file, RATE, problems)
    assert sound is not None and np.isfinite(sound.samples).all() and "not finite" in str(problems)
    assert not sound.samples[5000:5010].any() and sound.samples[4000:5000].any()


def test_sound_that_starts_late_in_a_transport_stream(tmp_path: Path) -> None:
    """FFmpeg looks at the first five seconds to find out what streams are: of this one it then knows no rate."""
    file = write_media(
        tmp_path / "v.ts", steady(14.0), sound=noise(2.0), sound_start=12.0, sound_codec="mp2", rate=RATE
    )
    with av.open(str(file)) as container:
        assert container.streams.audio[0].codec_context.sample_rate == 0
    track = read_sound(file, 32_000)
    assert track is not None
    assert track.track.heard[0] == pytest.approx((12.0, 14.0), abs=0.06)
    assert np.sqrt(np.mean(track.window(12.1, 1.8) ** 2)) > 0.1


def test_sound_of_which_nothing_decodes_is_recorded(tmp_path: Path) -> None:
    file = write_media(
        tmp_path / "v.ts", steady(14.0), sound=noise(2.0), sound_start=12.0, sound_codec="mp2", rate=RATE
    )
    with av.open(str(file)) as container:
        identity = container.streams.audio[0].id
    content = bytearray(file.read_bytes())
    for packet in range(0, len(content), 188):
        if (content[packet + 1] & 0x1F) << 8 | content[packet + 2] == identity:
            content[packet + 4 : packet + 188] = bytes(184)
    file.write_bytes(content)
    problems = Problems()
    assert open_sound(file, 32_000, 0.0, problems) is None
    assert str(problems) == "sound cannot be decoded"


class Guarded:
    """Stands in for PyAV's resampler, and raises before planes would be made of eight channels or more.

    PyAV 18 reads beyond the frame where it counts those, which may end the process.
    """

    real = av.AudioResampler

    def __init__(self, **options: object) -> None:
        self.format, self.resampler = options["format"], self.real(**options)

    def resample(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        assert self.format == "flt" or frame.layout.nb_channels < 8
        return self.resampler.resample(frame)


@pytest.mark.parametrize("layout", ["5.1", "7 channels", "7.1", "8 channels", "12 channels", "22.2", "64 channels"])
@pytest.mark.parametrize("suffix", ["wav", "mka"])
def test_any_number_of_channels_is_averaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, suffix: str
) -> None:
    channels = av.AudioLayout(layout).nb_channels
    steps = np.random.default_rng(0).integers(-9000, 9000, size=(2 * 8000, channels)).astype(np.int16)
    file = tmp_path / f"a.{suffix}"
    with av.open(str(file), "w") as container:
        track = container.add_stream("pcm_s16le", rate=8000, layout=layout)
        frame = av.AudioFrame(format="s16", layout=layout, samples=len(steps))
        frame.planes[0].update(steps.tobytes())
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    monkeypatch.setattr(av, "AudioResampler", Guarded)
    problems = Problems()
    sound = open_sound(file, 8000, 0.0, problems)
    assert sound is not None
    np.testing.assert_allclose(np.concatenate(list(sound.chunks())), steps.mean(axis=1) / 32768, atol=1e-6)
    assert not str(problems)


def test_planes_of_many_channels_are_never_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Decoders that give planes by themselves (here a stand-in for one) are packed as well."""
    file = write_media(tmp_path / "v.mkv", steady(1.0), sound=noise(1.0))
    monkeypatch.setattr(av, "AudioResampler", Guarded)

    class Frame:
        format, sample_rate, time, layout = av.AudioFormat("fltp"), RATE, 0.0, av.AudioLayout("7.1")

        def to_ndarray(self) -> np.ndarray:
            raise AssertionError("planes of eight channels")

    packed: list[object] = []

    def resample(self: Guarded, frame: object) -> list[object]:
        assert self.format == "flt"
        packed.append(frame)
        return []

    monkeypatch.setattr(Guarded, "resample", resample)
    module = sys.modules["feature_extractors.media.sound"]
    monkeypatch.setattr(module, "decode_packet", lambda packet, problems: [Frame()] if packet.size else [])
    track = open_sound(file, RATE, 0.0, Problems())
    assert track is not None
    list(track.chunks())
    assert packed and all(isinstance(frame, Frame) for frame in packed)


def test_sound_that_cannot_be_converted_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Guarded, frame: av.AudioFrame) -> list[av.AudioFrame]:
        raise av.error.ArgumentError(22, "Invalid argument")

    file = write_media(tmp_path / "v.mkv", steady(1.0), sound=noise(1.0, channels=2))
    monkeypatch.setattr(av, "AudioResampler", Guarded)
    monkeypatch.setattr(Guarded, "resample", refuse)
    problems = Problems()
    track = open_sound(file, RATE, 0.0, problems)
    assert track is not None and not track.heard
    assert not np.concatenate([np.zeros(0), *track.chunks()]).size
    assert re.fullmatch(
        r"sound of 2 channels \(.*\) that FFmpeg cannot convert; sound cannot be decoded", str(problems)
    )
