"""Reference checkpoints through `import-checkpoint`: names, options, and that nothing in a file is run."""

from __future__ import annotations

import argparse
import pickle
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from cli import UserError
from model.checkpoint import load_network
from model.compat import Compat
from model.network.tensors import Inputs
from model.reference.checkpoint import import_checkpoint
from model.reference.names import is_read, rename
from model.reference.reading import read_reference
from tests.model.reference.parameters import OPTIONS, weights
from tests.warm import run_python


class Options:
    """What a user's script calls its options."""

    def __init__(self, **keys: Any) -> None:
        self.__dict__.update(keys)


class Trap:
    """Runs a function as soon as it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def save(path: Path, state: dict[str, torch.Tensor], options: object) -> Path:
    torch.save({"model": state, "optimizer": {}, "epoch": 3, "opt": options}, path)
    return path


def import_file(source: Path, out: Path, *extra: str) -> subprocess.CompletedProcess[str]:
    command = ["-m", "model", "import-checkpoint", "--checkpoint", source, "--out", out]
    return run_python([*command, "--video-streams", "clip_visual", *extra])


def import_here(source: Path, out: Path) -> None:
    """The same in this process, which is faster."""
    import_checkpoint(source, out, ["clip_visual"])


@pytest.mark.parametrize("kind", [argparse.Namespace, Options])
@pytest.mark.parametrize(
    ("made", "options", "fusion"),
    [
        ({"video": 10, "text": 6}, {"v_feat_dim": 8}, "none"),
        ({"video": 10, "text": 6, "audio": 8}, {"v_feat_dim": 8, "a_feat_dim": 8}, "concat"),
        (
            {"video": 10, "text": 6, "audio": 8, "gated": True, "film": True},
            {"a_feat_dim": 8, "use_avigate_custom": True, "fusion_layers": 2, "ffn_gate_film": True},
            "avigate_custom",
        ),
    ],
)
def test_a_reference_checkpoint_becomes_ours(
    tmp_path: Path, inputs: Inputs, kind: type, made: dict[str, Any], options: dict[str, Any], fusion: str
) -> None:
    state = weights(**made)
    out = tmp_path / "ours.pt"
    ran = import_file(save(tmp_path / "model_best.ckpt", state, kind(**OPTIONS, **options)), out)
    assert ran.returncode == 0, ran.stderr
    network, about = load_network(out)
    assert network.config.fusion == fusion
    assert network.config.compat == Compat.whole()
    assert about["options"]["lr"] == 1e-4
    found = dict(network.named_parameters())
    assert found.keys() == {rename(name) for name in state if is_read(name)}
    assert all(torch.equal(found[rename(name)], value) for name, value in state.items() if is_read(name))
    # 32 positions and a layer norm of width 16.
    assert f"dropped {32 * 16 + 2 * 16} weights of text positions, which the reference never reads" in ran.stderr
    assert network(inputs).saliency.isfinite().all()


def test_an_earlier_import_still_loads(tmp_path: Path, inputs: Inputs) -> None:
    """It held the table that QD-DETR never reads, and its configuration said so."""
    import_here(save(tmp_path / "model_best.ckpt", weights(10, 6), OPTIONS), tmp_path / "ours.pt")
    network, about = load_network(tmp_path / "ours.pt")
    content = torch.load(tmp_path / "ours.pt", weights_only=True)
    content["config"]["compat"] = (*content["config"]["compat"], "text_position_table")
    table = {"table.weight": torch.zeros(32, 16), "norm.weight": torch.ones(16), "norm.bias": torch.zeros(16)}
    content["model"] |= {f"text_positions.{name}": value for name, value in table.items()}
    torch.save(content, tmp_path / "earlier.pt")
    earlier, earlier_about = load_network(tmp_path / "earlier.pt")
    assert earlier.config == network.config and earlier_about == about
    assert torch.equal(earlier(inputs).saliency, network(inputs).saliency)
    # Without that entry such weights are as strange as any other.
    content["config"]["compat"] = network.config.compat.names()
    torch.save(content, tmp_path / "strange.pt")
    with pytest.raises(UserError, match=r"strange\.pt: not a checkpoint of this project"):
        load_network(tmp_path / "strange.pt")
    torch.save({"format": Path("x")}, tmp_path / "code.pt")
    with pytest.raises(
        UserError, match=r"code\.pt: not a checkpoint of this project: not only tensors and plain values$"
    ):
        load_network(tmp_path / "code.pt")


@pytest.mark.parametrize(("name", "objective"), [("tvsum", "saliency"), ("hl", "moments_and_saliency")])
def test_what_was_learnt_is_known(tmp_path: Path, name: str, objective: str) -> None:
    """On TVSum nobody trained the decoder: `infer` then gives no moments."""
    options = argparse.Namespace(**OPTIONS, v_feat_dim=8, dset_name=name)
    import_here(save(tmp_path / "model_best.ckpt", weights(video=10, text=6), options), tmp_path / "ours.pt")
    assert load_network(tmp_path / "ours.pt")[1]["objective"] == objective


def test_a_width_of_sound_without_its_folder_is_no_sound(tmp_path: Path) -> None:
    options = argparse.Namespace(**OPTIONS, v_feat_dim=8, a_feat_dim=4, a_feat_dir=None)
    import_here(save(tmp_path / "model_best.ckpt", weights(video=10, text=6), options), tmp_path / "ours.pt")
    network, _ = load_network(tmp_path / "ours.pt")
    assert network.config.fusion == "none" and network.dims.video == 10


def test_names_of_data_parallel_training(tmp_path: Path) -> None:
    wrapped = {f"module.{name}": value for name, value in weights(10, 6).items()}
    state, _ = read_reference(save(tmp_path / "a.ckpt", wrapped, OPTIONS))
    assert state.keys() == weights(10, 6).keys()


def test_options_of_an_unknown_class_are_read_as_values(tmp_path: Path) -> None:
    state, options = read_reference(save(tmp_path / "a.ckpt", weights(10, 6), Options(**OPTIONS, names=["x", "y"])))
    assert options["hidden_dim"] == OPTIONS["hidden_dim"]
    assert options["names"] == ["x", "y"]
    assert len(state) == len(weights(10, 6))


@pytest.mark.parametrize("where", ["options", "beside", "instead"])
def test_a_pickle_that_runs_a_function_gets_none(tmp_path: Path, where: str) -> None:
    """Neither a file is written nor anything raised from within: the call finds an inert stand-in, or is refused."""
    mark = tmp_path / "mark"
    trap = Trap(eval, f"open({str(mark)!r}, 'w').close()")
    file = tmp_path / "trap.ckpt"
    if where == "options":
        save(file, weights(10, 6), trap)
    elif where == "beside":
        torch.save({"model": weights(10, 6), "opt": {}, "x": Trap(mark.touch)}, file)
    else:
        file.write_bytes(pickle.dumps(trap))
    ran = import_file(file, tmp_path / "out.pt")
    assert not mark.exists()
    assert "Traceback" not in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({**OPTIONS, "n_input_proj": 3}, "n_input_proj=3"),
        ({**OPTIONS, "use_txt_pos": True}, "use_txt_pos=True"),
        ({**OPTIONS, "dec_layers": 3}, "Missing key"),
        ({**OPTIONS, "nheads": 3}, "n_heads"),
    ],
)
def test_what_has_no_counterpart_is_one_line(tmp_path: Path, options: dict[str, Any], expected: str) -> None:
    source = save(tmp_path / "a.ckpt", weights(10, 6), options)
    ran = import_file(source, tmp_path / "out.pt")
    assert ran.returncode == 1
    assert expected in ran.stderr and str(source) in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert not (tmp_path / "out.pt").exists()


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.ckpt").touch()
    torch.save([1, 2], tmp_path / "list.ckpt")
    torch.save({"model": weights(10, 6)}, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    for name in ("empty.ckpt", "list.ckpt", "missing.ckpt", "old.ckpt"):
        ran = import_file(tmp_path / name, tmp_path / "out.pt")
        assert ran.returncode == 1
        assert len(ran.stderr.splitlines()) == 1 and name in ran.stderr


def damage(path: Path) -> Path:
    """Flip one byte of a tensor in the archive."""
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        entry = max(archive.infolist(), key=lambda info: info.file_size)
    content[entry.header_offset + entry.file_size // 2 + 200] ^= 0x10
    path.write_bytes(bytes(content))
    return path


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    """Torch reads the archive without its checksums."""
    source = damage(save(tmp_path / "a.ckpt", weights(10, 6), OPTIONS))
    assert torch.load(source, weights_only=True)["epoch"] == 3
    with pytest.raises(UserError, match=r"a\.ckpt: damaged: .* checksum"):
        read_reference(source)


FIRST = "input_vid_proj.0.LayerNorm.weight"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"a_feat_dim": "abc"}, "a_feat_dim"),
        ({"a_feat_dim": [1]}, "option a_feat_dim of the reference must be a plain value, got list"),
        ({"a_feat_dim": float("nan")}, "a_feat_dim"),
        ({"a_feat_dim": float("inf")}, "a_feat_dim"),
        ({"a_feat_dim": -3}, "a_feat_dim"),
        ({"a_feat_dim": 99999}, "a_feat_dim=99999 of the reference leaves no video columns: the input has 10"),
        ({"a_feat_dim": 8}, "a_feat_dim=8 of the reference leaves no video columns: the input has 10"),
        ({"ctx_mode": 5}, "ctx_mode"),
        ({"nheads": torch.tensor(8)}, "option nheads of the reference must be a plain value, got StoredTensor"),
        ({"nheads": 0}, "nheads"),
        ({"hidden_dim": "16"}, "hidden_dim"),
        ({"hidden_dim": 10**9}, "hidden_dim"),
        ({"dim_feedforward": 1 << 20}, "size mismatch"),
        ({"enc_layers": 10**9}, "enc_layers"),
        ({"dropout": float("nan")}, "dropout"),
        ({"ffn_gate_film": "no"}, "ffn_gate_film"),
        ({"pre_norm": torch.ones(2)}, "pre_norm"),
        ({"pre_norm": True}, "pre_norm=True of the reference is not supported"),
    ],
)
def test_a_malformed_option_is_named(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    source = save(tmp_path / "a.ckpt", weights(10, 6), {**OPTIONS, **options})
    with pytest.raises(UserError) as raised:
        import_here(source, tmp_path / "out.pt")
    assert message in str(raised.value) and str(source) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out.pt").exists()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (1, torch.ones(1), "'1' is not a name"),
        (FIRST, torch.tensor(1.0), "must have one dimension, got 0"),
        (FIRST, torch.ones(10) + 0j, "must be a dense floating-point tensor, got"),
        (FIRST, torch.ones(10).long(), "must be a dense floating-point tensor, got"),
        (FIRST, torch.ones(10).to_sparse(), "must be a dense floating-point tensor, got"),
        (FIRST, torch.ones(10, device="meta"), "must be a dense floating-point tensor, got"),
        (FIRST, torch.ones(1).expand(1 << 40), "holds fewer numbers than its shape needs"),
        (FIRST, torch.full((10,), float("nan")), "holds NaN or infinity"),
        (FIRST, torch.full((10,), float("inf")), "holds NaN or infinity"),
        (FIRST, torch.ones(5), "size mismatch"),
    ],
)
def test_a_malformed_weight_is_named(tmp_path: Path, name: Any, value: torch.Tensor, message: str) -> None:
    source = save(tmp_path / "a.ckpt", {**weights(10, 6), name: value}, OPTIONS)
    with pytest.raises(UserError) as raised:
        import_here(source, tmp_path / "out.pt")
    assert message in str(raised.value) and str(source) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out.pt").exists()


def test_weights_of_half_the_bytes_become_float32(tmp_path: Path) -> None:
    state = {name: value.half() for name, value in weights(10, 6).items()}
    import_here(save(tmp_path / "a.ckpt", state, OPTIONS), tmp_path / "out.pt")
    found = load_network(tmp_path / "out.pt")[0].state_dict()
    assert all(torch.equal(found[rename(name)], value.float()) for name, value in state.items() if is_read(name))


def test_the_network_of_moment_detr_is_another_one(tmp_path: Path) -> None:
    """It joins the query to the video, has learnt queries of full width and one head for saliency."""
    left_out = ("transformer.t2v_encoder.", "global_rep_", "saliency_proj", "transformer.decoder.", "query_embed.")
    state = {name: value for name, value in weights(10, 6).items() if not name.startswith(left_out)}
    state |= {"query_embed.weight": torch.zeros(5, 16), "saliency_proj.weight": torch.zeros(1, 16)}
    with pytest.raises(UserError, match=r"no text-to-video encoder .*as in Moment-DETR, whose network is another one$"):
        import_here(save(tmp_path / "model_best.ckpt", state, OPTIONS), tmp_path / "ours.pt")
