"""Examples with the weights of transformers' PyTorch models: outputs agree.

The weights are random, made on the spot. Those of PyTorch come in as a user brings them in, by a `weights` section.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import headers
import numpy as np
import pytest
from safetensors.numpy import save_file

import dslc

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
BOUND = 1e-4
"""Relative to the largest output: float32 (6e-8) through some ten layers, whose sums are added in another order."""


def section(lines: str) -> str:
    return f'\n\nweights "model.safetensors" {{\n{lines}\n}}\n'


def dense(ours: str, theirs: str, *, bias: bool = True) -> str:
    lines = f'"{ours}.kernel" = "{theirs}.weight" -> transpose\n'
    return lines + (f'"{ours}.bias" = "{theirs}.bias"\n' if bias else "")


def norm(ours: str, theirs: str, *, bias: bool = True) -> str:
    return f'"{ours}.scale" = "{theirs}.weight"\n' + (f'"{ours}.bias" = "{theirs}.bias"\n' if bias else "")


def joined(ours: str, theirs: str, names: tuple[str, ...], *, bias: bool = True) -> str:
    """The kernels of several layers as one."""
    parts = [", ".join(f'"{theirs}.{name}.{role}"' for name in names) for role in ("weight", "bias")]
    lines = f'"{ours}.kernel" = ({parts[0]}) -> concat(axis = 0) -> transpose\n'
    return lines + (f'"{ours}.bias" = ({parts[1]}) -> concat(axis = 0)\n' if bias else "")


def conv(ours: str, theirs: str) -> str:
    return f'"{ours}.kernel" = "{theirs}.weight" -> transpose([2, 3, 1, 0])\n'


def disturbed(model: Any) -> Any:
    """Every weight and statistic away from its first value, which may be zero or one."""
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
        for name, kept in model.named_buffers():
            if name.endswith("running_mean"):
                kept.add_(0.1 * torch.randn_like(kept))
            if name.endswith("running_var"):
                kept.add_(torch.rand_like(kept))
    return model.eval()


def agree(
    folder: Path, name: str, peer: Any, lines: str, given: Mapping[str, np.ndarray], wanted: Mapping[str, Any],
    *, prefix: str = "", unused: tuple[str, ...] = (), kept: Mapping[str, np.ndarray] = MappingProxyType({}), **options: Any,
) -> None:  # fmt: skip
    """The example with the weights of its peer gives what the peer gives."""
    for file in (headers.EXAMPLES / name).parent.glob("*.net"):
        shutil.copy(file, folder)
    path = folder / Path(name).name
    if lines:
        # Without the train block, whose data and precision are of no account here.
        text = re.sub(r"\ntrain .*?\n}\n", "", path.read_text("utf-8"), flags=re.DOTALL)
        path.write_text(text + section(lines), "utf-8")
    named = {key.removeprefix(prefix): value.numpy().copy() for key, value in peer.state_dict().items()}
    save_file(
        {key: value for key, value in named.items() if key not in unused} | dict(kept), folder / "model.safetensors"
    )
    model = dslc.load(path, **options)
    found = model.apply(model.pretrained(), dict(given))
    for output, value in wanted.items():
        expected = value.detach().numpy()
        error = np.abs(np.asarray(found[output]) - expected).max() / np.abs(expected).max()
        assert error < BOUND, (output, error)


def draws(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def words(*shape: int, low: int = 1, high: int = 20) -> np.ndarray:
    return np.random.default_rng(0).integers(low, high, size=shape).astype(np.int32)


def first(image: np.ndarray) -> Any:
    """Channels first, as PyTorch has them."""
    return torch.tensor(image.transpose(0, 3, 1, 2))


def test_gpt2_is_that_of_transformers(tmp_path: Path) -> None:
    config = transformers.GPT2Config(
        vocab_size=20, n_positions=12, n_embd=16, n_layer=3, n_head=2, bos_token_id=0, eos_token_id=0
    )
    peer, tokens = disturbed(transformers.GPT2LMHeadModel(config)), words(2, 9)
    wanted = {"logits": peer(torch.tensor(tokens).long()).logits}
    settings = {"vocab": 20, "context": 12, "d": 16, "depth": 3, "heads": 2}
    # OpenAI's file holds the causal masks as well.
    agree(
        tmp_path, "language/gpt2_pretrained.net", peer, "", {"tokens": tokens}, wanted, prefix="transformer.",
        unused=("lm_head.weight",), settings=settings, kept={"h.0.attn.bias": np.zeros(1, np.float32)},
    )  # fmt: skip


def test_bert_is_that_of_transformers(tmp_path: Path) -> None:
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=12,
    )  # fmt: skip
    peer, tokens = disturbed(transformers.BertModel(config)), words(2, 9)
    tokens[0, 6:] = 0
    segment = np.repeat([[0] * 4 + [1] * 5], 2, 0).astype(np.int32)
    out = peer(
        torch.tensor(tokens).long(),
        attention_mask=torch.tensor(tokens != 0).long(),
        token_type_ids=torch.tensor(segment).long(),
    )
    ours, theirs = "bert.trunk.layers.*.encoder", "encoder.layer.*"
    lines = (
        '"bert.trunk.words.table" = "embeddings.word_embeddings.weight"\n'
        '"bert.trunk.places.table" = "embeddings.position_embeddings.weight"\n'
        '"bert.trunk.segments.table" = "embeddings.token_type_embeddings.weight"\n'
        + norm("bert.trunk.norm", "embeddings.LayerNorm")
        + joined(f"{ours}.attention.qkv", f"{theirs}.attention.self", ("query", "key", "value"))
        + dense(f"{ours}.attention.out", f"{theirs}.attention.output.dense")
        + norm(f"{ours}.layer_norm", f"{theirs}.attention.output.LayerNorm")
        + dense(f"{ours}.feed_forward.dense", f"{theirs}.intermediate.dense")
        + dense(f"{ours}.feed_forward.dense_2", f"{theirs}.output.dense")
        + norm(f"{ours}.layer_norm_2", f"{theirs}.output.LayerNorm")
        + dense("bert.trunk.pooler", "pooler.dense")
    )
    settings = {"vocab": 20, "context": 12, "d": 16, "depth": 2, "heads": 2}
    agree(
        tmp_path, "language/bert.net", peer, lines, {"tokens": tokens, "segment": segment},
        {"states": out.last_hidden_state, "pooled": out.pooler_output}, model="bert", settings=settings,
    )  # fmt: skip


def test_t5_is_that_of_transformers(tmp_path: Path) -> None:
    config = transformers.T5Config(vocab_size=20, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2)
    peer, source, target = disturbed(transformers.T5ForConditionalGeneration(config)), words(2, 9), words(2, 5)
    source[0, 6:] = 0
    out = peer(
        input_ids=torch.tensor(source).long(),
        attention_mask=torch.tensor(source != 0).long(),
        decoder_input_ids=torch.tensor(target).long(),
    )
    lines = '"words.table" = "shared.weight"\n'
    for side in ("encoder", "decoder"):
        ours, theirs = f"{side}.*.{side}_layer", f"{side}.block.*.layer"
        feed = 2 if side == "decoder" else 1
        lines += (
            f'"{side}_distance.table" = "{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"\n'
            + norm(f"{side}_norm", f"{side}.final_layer_norm", bias=False)
            + norm(f"{ours}.norm_1", f"{theirs}.0.layer_norm", bias=False)
            + joined(f"{ours}.self.qkv", f"{theirs}.0.SelfAttention", ("q", "k", "v"), bias=False)
            + dense(f"{ours}.self.out", f"{theirs}.0.SelfAttention.o", bias=False)
            + norm(f"{ours}.norm_{feed + 1}", f"{theirs}.{feed}.layer_norm", bias=False)
            + dense(f"{ours}.wide.up", f"{theirs}.{feed}.DenseReluDense.wi", bias=False)
            + dense(f"{ours}.wide.down", f"{theirs}.{feed}.DenseReluDense.wo", bias=False)
        )
    ours, theirs = "decoder.*.decoder_layer", "decoder.block.*.layer.1"
    lines += (
        norm(f"{ours}.norm_2", f"{theirs}.layer_norm", bias=False)
        + dense(f"{ours}.cross.q", f"{theirs}.EncDecAttention.q", bias=False)
        + joined(f"{ours}.cross.kv", f"{theirs}.EncDecAttention", ("k", "v"), bias=False)
        + dense(f"{ours}.cross.out", f"{theirs}.EncDecAttention.o", bias=False)
    )
    settings = {"vocab": 20, "d": 16, "depth": 2, "heads": 2, "head_dim": 8, "hidden": 24}
    agree(
        tmp_path, "language/t5.net", peer, lines, {"source": source, "target": target}, {"logits": out.logits},
        unused=("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"), settings=settings,
    )  # fmt: skip


def test_llama_is_that_of_transformers(tmp_path: Path) -> None:
    config = transformers.LlamaConfig(
        vocab_size=20, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, rms_norm_eps=1e-5,
    )  # fmt: skip
    peer, tokens = disturbed(transformers.LlamaForCausalLM(config)), words(2, 9)
    theirs = "model.layers.*"
    lines = (
        '"words.table" = "model.embed_tokens.weight"\n'
        + norm("layers.*.norm_1", f"{theirs}.input_layernorm", bias=False)
        + joined("layers.*.attn.qkv", f"{theirs}.self_attn", ("q_proj", "k_proj", "v_proj"), bias=False)
        + dense("layers.*.attn.out", f"{theirs}.self_attn.o_proj", bias=False)
        + norm("layers.*.norm_2", f"{theirs}.post_attention_layernorm", bias=False)
        + dense("layers.*.mlp.gate", f"{theirs}.mlp.gate_proj", bias=False)
        + dense("layers.*.mlp.value", f"{theirs}.mlp.up_proj", bias=False)
        + dense("layers.*.mlp.out", f"{theirs}.mlp.down_proj", bias=False)
        + norm("norm", "model.norm", bias=False)
        + dense("head", "lm_head", bias=False)
    )
    settings = {"vocab": 20, "context": 12, "d": 16, "depth": 2, "heads": 4, "kv_heads": 2, "hidden": 24}
    wanted = {"logits": peer(torch.tensor(tokens).long()).logits}
    agree(tmp_path, "language/llama.net", peer, lines, {"tokens": tokens}, wanted, settings=settings)


def test_a_vision_transformer_is_that_of_transformers(tmp_path: Path) -> None:
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=16, patch_size=8,
        num_labels=3,
    )  # fmt: skip
    peer, image = disturbed(transformers.ViTForImageClassification(config)), draws(2, 16, 16, 3)
    theirs = "vit.layers.*"
    lines = (
        conv("patches.conv", "vit.embeddings.patch_embeddings.projection")
        + '"patches.conv.bias" = "vit.embeddings.patch_embeddings.projection.bias"\n'
        + '"token.token" = "vit.embeddings.cls_token"\n"position.table" = "vit.embeddings.position_embeddings"[0]\n'
        + encoder("layers.*", theirs, ("attention", "o_proj"), ("layernorm_before", "layernorm_after"))
        + norm("norm", "vit.layernorm")
        + dense("head", "classifier")
    )
    settings = {"d": 16, "depth": 2, "heads": 2, "patch": 8, "size": 16, "classes": 3, "eps": 1e-12}
    agree(
        tmp_path, "vision/vit.net", peer, lines, {"image": image}, {"logits": peer(first(image)).logits},
        settings=settings,
    )  # fmt: skip


def encoder(ours: str, theirs: str, attention: tuple[str, str], norms: tuple[str, str]) -> str:
    """A layer of `std.transformer`, with the norms first."""
    return (
        norm(f"{ours}.layer_norm", f"{theirs}.{norms[0]}")
        + joined(f"{ours}.attention.qkv", f"{theirs}.{attention[0]}", ("q_proj", "k_proj", "v_proj"))
        + dense(f"{ours}.attention.out", f"{theirs}.{'.'.join(attention)}")
        + norm(f"{ours}.layer_norm_2", f"{theirs}.{norms[1]}")
        + dense(f"{ours}.feed_forward.dense", f"{theirs}.mlp.fc1")
        + dense(f"{ours}.feed_forward.dense_2", f"{theirs}.mlp.fc2")
    )


def test_swin_is_that_of_transformers(tmp_path: Path) -> None:
    config = transformers.SwinConfig(
        image_size=32, patch_size=4, embed_dim=12, depths=[2, 2], num_heads=[1, 2], window_size=4, num_labels=3
    )
    peer, image = disturbed(transformers.SwinForImageClassification(config)), draws(2, 32, 32, 3)
    ours, theirs = "stages.*.layers.*", "swin.encoder.layers.*.blocks.*"
    table = "attention.relative_position_bias.relative_position_bias_table"
    lines = (
        conv("embed", "swin.embeddings.patch_embeddings.projection")
        + '"embed.bias" = "swin.embeddings.patch_embeddings.projection.bias"\n'
        + norm("embed_norm", "swin.embeddings.norm")
        + norm(f"{ours}.layer_norm", f"{theirs}.layernorm_before")
        + f'"{ours}.attn.relative_position_bias_2d.table" = "{theirs}.{table}"\n'
        + joined(f"{ours}.attn.attention.qkv", f"{theirs}.attention", ("q_proj", "k_proj", "v_proj"))
        + dense(f"{ours}.attn.attention.out", f"{theirs}.attention.o_proj")
        + norm(f"{ours}.layer_norm_2", f"{theirs}.layernorm_after")
        + dense(f"{ours}.up", f"{theirs}.mlp.fc1")
        + dense(f"{ours}.down", f"{theirs}.mlp.fc2")
        + norm("stages.1.merging.layer_norm", "swin.encoder.layers.0.downsample.norm")
        + dense("stages.1.merging.dense", "swin.encoder.layers.0.downsample.reduction", bias=False)
        + norm("layer_norm", "swin.layernorm")
        + dense("head", "classifier")
    )
    settings = {"d": 12, "depths": [2, 2], "heads": [1, 2], "window": 4, "size": 32, "classes": 3, "drop": 0}
    agree(
        tmp_path, "vision/swin.net", peer, lines, {"image": image}, {"logits": peer(first(image)).logits},
        settings=settings,
    )  # fmt: skip


def test_a_residual_network_is_that_of_transformers(tmp_path: Path) -> None:
    config = transformers.ResNetConfig(depths=[2, 1, 1, 1], num_labels=3)
    peer, image = disturbed(transformers.ResNetForImageClassification(config)), draws(2, 32, 32, 3)

    def conv_norm(ours: str, theirs: str) -> str:
        statistics = "".join(
            f'"{ours}.batch_norm.{kept}" = "{theirs}.normalization.running_{kept}"\n' for kept in ("mean", "var")
        )
        return (
            conv(f"{ours}.conv", f"{theirs}.convolution")
            + norm(f"{ours}.batch_norm", f"{theirs}.normalization")
            + statistics
        )

    ours, theirs = "stages.*.layers.*", "resnet.encoder.stages.*.layers.*"
    lines = (
        conv_norm("stem", "resnet.embedder.embedder")
        + conv_norm(f"{ours}.projection", f"{theirs}.shortcut")
        + conv_norm(f"{ours}.conv_norm", f"{theirs}.layer.0")
        + conv_norm(f"{ours}.conv_norm_2", f"{theirs}.layer.1")
        + conv_norm(f"{ours}.conv_norm_3", f"{theirs}.layer.2")
        + dense("head", "classifier.1")
        + 'unused = ["*.num_batches_tracked"]\n'
    )
    settings = {"depths": [2, 1, 1, 1], "size": 32, "classes": 3}
    agree(
        tmp_path, "vision/resnet.net", peer, lines, {"image": image}, {"logits": peer(first(image)).logits},
        settings=settings,
    )  # fmt: skip


def test_a_trunk_of_transformers_stays_under_a_new_head(tmp_path: Path) -> None:
    config = transformers.ResNetConfig(depths=[2, 1, 1, 1], num_labels=3)
    peer, image = disturbed(transformers.ResNetForImageClassification(config)), draws(2, 32, 32, 3)
    wanted = {"features": peer.resnet(first(image)).pooler_output[:, :, 0, 0]}
    settings = {"depths": [2, 1, 1, 1], "size": 32, "classes": 4}
    agree(tmp_path, "vision/resnet_pretrained.net", peer, "", {"image": image}, wanted, settings=settings)


def test_clip_is_that_of_transformers(tmp_path: Path) -> None:
    shared = {"hidden_size": 16, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {"vocab_size": 20, "max_position_embeddings": 12, "eos_token_id": 19, "bos_token_id": 0, "pad_token_id": 1}
    config = transformers.CLIPConfig(
        text_config={**shared, **text}, vision_config={**shared, "image_size": 16, "patch_size": 8}, projection_dim=8
    )
    peer, image, tokens = disturbed(transformers.CLIPModel(config)), draws(3, 16, 16, 3), words(3, 9, high=19)
    tokens[:, 7] = 19
    lines = (
        '"scale" = "logit_scale"\n'
        + conv("vision.patches", "vision_model.embeddings.patch_embedding")
        + '"vision.token.token" = "vision_model.embeddings.class_embedding" -> reshape([1, 1, 16])\n'
        + '"vision.position.table" = "vision_model.embeddings.position_embedding.weight"\n'
        + norm("vision.before", "vision_model.pre_layrnorm")
        + norm("vision.after", "vision_model.post_layernorm")
        + dense("vision.projection", "visual_projection", bias=False)
        + '"text.words.table" = "text_model.embeddings.token_embedding.weight"\n'
        + '"text.position.table" = "text_model.embeddings.position_embedding.weight"\n'
        + norm("text.after", "text_model.final_layer_norm")
        + dense("text.projection", "text_projection", bias=False)
    )
    for side in ("vision", "text"):
        names = ("self_attn", "out_proj"), ("layer_norm1", "layer_norm2")
        lines += encoder(f"{side}.tower.layers.*", f"{side}_model.encoder.layers.*", *names)
    settings = {
        "out": 8, "size": 16, "patch": 8, "width": 16, "depth": 2, "heads": 2, "vocab": 20, "context": 12, "text_width": 16,
        "text_depth": 2, "text_heads": 2,
    }  # fmt: skip
    wanted = {"logits": peer(torch.tensor(tokens).long(), first(image)).logits_per_image}
    agree(tmp_path, "vision/clip.net", peer, lines, {"image": image, "tokens": tokens}, wanted, settings=settings)
