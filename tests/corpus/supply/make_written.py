"""Writes `written/`: models as Keras, h5py, TensorFlow, ONNX and py7zr write them, good and bad.

Run from this folder, `python make_written.py`, in an environment with `keras tensorflow-cpu h5py
onnx py7zr`; the tests only read what it wrote, since none of these is needed to scan. Nothing here
does harm when it is loaded.
"""

# mypy: ignore-errors
# The libraries that write these models are no part of the environment that types are checked in.

import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import h5py
import keras
import numpy as np
import onnx
import py7zr
import tensorflow as tf
from keras import layers
from onnx import TensorProto, helper

HERE = Path(__file__).resolve().parent / "written"
INDEX: dict[str, str] = {}


def note(name: str, told: str) -> Path:
    """The place of an entry, `good/...` or `bad/...`; what it is goes into the index."""
    INDEX[name] = told
    path = HERE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


# Keras


def keras_models() -> Iterator[tuple[str, str, keras.Model]]:
    dense = keras.Sequential([keras.Input((2,)), layers.Dense(2, "relu"), layers.Dropout(0.1)])
    dense.compile("adam", "mse", metrics=["mae"])
    yield "dense", "layers, an optimiser and metrics", dense
    seen = keras.Input((4, 4, 1))
    x = layers.Conv2D(1, 2)(seen) * 2 + 1
    x = keras.ops.tanh(layers.GlobalAveragePooling2D()(x))
    yield "functional", "a functional model with operators of keras.ops", keras.Model(seen, x)
    row = keras.Sequential(
        [keras.Input((3,)), layers.Embedding(3, 2), layers.Bidirectional(layers.LSTM(1))]
    )
    yield "recurrent", "wrapped recurrent layers", row
    outer = keras.Input((2,))
    inner = keras.Sequential([layers.Dense(1), layers.Normalization()])
    yield "nested", "a model within a model", keras.Model(outer, inner(outer))


def write_keras() -> None:
    for name, told, model in keras_models():
        model.save(note(f"good/keras/{name}.keras", f"Keras: {told}"))
        model.save(note(f"good/keras/{name}.h5", f"Keras, HDF5: {told}"))
        note(f"good/keras/{name}.json", f"Keras, to_json: {told}").write_text(model.to_json())
    words = layers.StringLookup(vocabulary=["a", "b"])
    model = keras.Sequential([keras.Input((1,), dtype="string"), words])
    model.save(note("good/keras/words.keras", "Keras: a lookup with its vocabulary"))
    model.save_weights(note("good/keras/words.weights.h5", "Keras: weights alone"))
    bad = keras.Sequential([keras.Input((2,)), layers.Lambda(lambda x: x * 2)])
    bad.save(note("bad/keras/lambda.keras", "Keras: Lambda with code"))
    bad.save(note("bad/keras/lambda.h5", "Keras, HDF5: Lambda with code, safe_mode unheeded"))
    outer = keras.Input((2,))
    inner = keras.Sequential([layers.Lambda(lambda x: x + 1)])
    wrapped = layers.TimeDistributed(layers.Lambda(lambda x: x))
    deep = keras.Model(outer, inner(outer))
    deep.save(note("bad/keras/nested-lambda.keras", "Keras: Lambda in an inner model"))
    deep.save(note("bad/keras/nested-lambda.h5", "Keras, HDF5: Lambda in an inner model"))
    series = keras.Sequential([keras.Input((2, 2)), wrapped])
    series.save(note("bad/keras/wrapped-lambda.h5", "Keras, HDF5: Lambda in TimeDistributed"))
    good = HERE / "good/keras/dense.keras"
    for name, told, change in CHANGES:
        _change_keras(good, note(f"bad/keras/{name}.keras", f"Keras: {told}"), change)
        _change_h5(good.with_suffix(".h5"), note(f"bad/keras/{name}.h5", f"HDF5: {told}"), change)


Change = Callable[[dict], None]


def _layer(config: dict) -> dict:
    return config["config"]["layers"][1]


def _of(**keys: object) -> Change:
    return lambda config: _layer(config).update(keys)


def _with(**keys: object) -> Change:
    return lambda config: _layer(config)["config"].update(keys)


def _function(module: str, name: str) -> dict:
    told = {"module": module, "class_name": "function", "config": name}
    return {**told, "registered_name": name}


CHANGES: list[tuple[str, str, Change]] = [
    ("module", "a layer of any module (CVE-2025-1550)",
     _of(module="subprocess", class_name="Popen", registered_name=None, config={"args": ["true"]})),
    ("main", "a layer of the program that loads it", _of(module="__main__", class_name="Layer")),
    ("function", "a function of any module", _with(activation=_function("os", "system"))),
    ("builtin", "a dotted function of builtins",
     _with(activation=_function("builtins", "__import__('os').system"))),
    ("get-file", "keras.utils.get_file (CVE-2025-8747)",
     _with(activation=_function("keras.utils", "get_file"))),
    ("unsafe", "keras.config.enable_unsafe_deserialization (CVE-2025-9906)",
     _of(module="keras.config", class_name="enable_unsafe_deserialization")),
    ("load-model", "keras.models.load_model", _of(module="keras.models", class_name="load_model")),
    ("vocabulary", "a lookup that reads a path (CVE-2025-12058)",
     _of(module="keras.layers", class_name="StringLookup", config={"vocabulary": "/etc/passwd"})),
    ("address", "a lookup that reads an address",
     _of(module="keras.layers", class_name="TextVectorization",
         config={"vocabulary": "http://127.0.0.1/x"})),
    ("saved-model", "TFSMLayer", _of(class_name="TFSMLayer", config={"filepath": "../x"})),
    ("torch", "TorchModuleWrapper", _of(class_name="TorchModuleWrapper", config={"module": "x"})),
    ("legacy", "marshalled code as Keras 2 writes it",
     _of(class_name="Lambda", config={"function": ["4wAA", None, None]})),
    ("operation", "TFOpLambda of a file", _of(class_name="TFOpLambda",
                                             config={"function": "io.write_file"})),
    ("hidden", "an object deep in an argument",
     _with(kernel_initializer={"a": [{"module": "shutil", "class_name": "rmtree", "config": {}}]})),
]  # fmt: skip


def _change_keras(source: Path, target: Path, change: Change) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename == "config.json":
                config = json.loads(data)
                change(config)
                data = json.dumps(config).encode()
            new.writestr(info, data)


def _change_h5(source: Path, target: Path, change: Change) -> None:
    shutil.copy(source, target)
    with h5py.File(target, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config)
        file.attrs["model_config"] = json.dumps(config)


# HDF5


def write_h5() -> None:
    for name, version in (("old", "earliest"), ("new", "latest")):
        many = {f"a{number}": f"text {number}" for number in range(20)}
        with h5py.File(note(f"good/h5/{name}.h5", f"HDF5, {version}"), "w", libver=version) as file:
            for number in range(20):
                file.create_group(f"g{number}").attrs["number"] = number
            data = np.arange(200.0)
            file.create_dataset("g1/gzip", data=data, chunks=(50,), compression="gzip")
            file.create_dataset("g1/lzf", data=data, chunks=(50,), compression="lzf", shuffle=True)
            file["g2/inside"] = h5py.SoftLink("/g1/gzip")
            file.attrs.update(many)
            file.attrs["texts"] = np.array(["a", "bc"], h5py.string_dtype())
        told = f"HDF5, {version}: Lambda among many attributes"
        with h5py.File(note(f"bad/h5/{name}-lambda.h5", told), "w", libver=version) as file:
            file.attrs.update(many)
            layer = {"class_name": "Lambda", "config": {"function": ["4wAA", None, None]}}
            config = {"class_name": "Sequential", "config": {"layers": [layer]}}
            file.attrs["model_config"] = json.dumps(config)
        told = f"HDF5, {version}: a link to another file"
        with h5py.File(note(f"bad/h5/{name}-link.h5", told), "w", libver=version) as file:
            for number in range(12):
                file.create_group(f"deep/g{number}")
            file["deep/g3/out"] = h5py.ExternalLink("../../secret.h5", "/x")
        told = f"HDF5, {version}: data in another file"
        with h5py.File(note(f"bad/h5/{name}-data.h5", told), "w", libver=version) as file:
            file.create_dataset("a/b", (4,), "f4", external=[("/etc/passwd", 0, 16)])
    with h5py.File(note("good/h5/block.h5", "HDF5 behind a user block"), "w",
                   userblock_size=1024) as file:  # fmt: skip
        file.attrs["a"] = "b"
    with h5py.File(note("bad/h5/virtual.h5", "HDF5: virtual data"), "w") as file:
        layout = h5py.VirtualLayout((4,), "f8")
        layout[:] = h5py.VirtualSource("other.h5", "d", (4,))
        file.create_virtual_dataset("v", layout)
    with h5py.File(note("bad/h5/pickled.h5", "HDF5: rows that PyTables unpickles"), "w") as file:
        rows = file.create_dataset("rows", data=np.zeros(3, "u1"))
        rows.attrs["PSEUDOATOM"] = np.bytes_(b"object")
    with h5py.File(note("bad/h5/attribute.h5", "HDF5: an attribute that is a pickle"), "w") as file:
        file.attrs["TITLE"] = np.bytes_(b"\x80\x02cposix\nsystem\nX\x04\0\0\0true\x85R.")
    whole = (HERE / "good/h5/old.h5").read_bytes()
    note("bad/h5/cut.h5", "HDF5 that breaks off").write_bytes(whole[: len(whole) // 3])
    with h5py.File(note("bad/keras/weights.h5", "Keras: weights in another file"), "w") as file:
        file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/shadow.h5", "/x")
    weights = (HERE / "bad/keras/weights.h5").read_bytes()
    told = "Keras: weights in another file, inside of .keras"
    with (zipfile.ZipFile(HERE / "good/keras/dense.keras") as old,
          zipfile.ZipFile(note("bad/keras/weights.keras", told), "w") as new):  # fmt: skip
        for info in old.infolist():
            is_weights = info.filename == "model.weights.h5"
            new.writestr(info, weights if is_weights else old.read(info))


# TensorFlow


def _signature(kind: tf.DType) -> list[tf.TensorSpec]:
    return [tf.TensorSpec((), kind)]


class Module(tf.Module):
    """One function in a module of its own."""


def _saved(name: str, told: str, kind: tf.DType, body: Callable) -> Path:
    module = Module()
    module.call = tf.function(body, input_signature=_signature(kind))
    folder = HERE / name
    tf.saved_model.save(module, folder, signatures=module.call)
    note(f"{name}/saved_model.pb", told)
    return folder


def _written(path: tf.Tensor) -> tf.Tensor:
    tf.io.write_file("/tmp/tyrian-not-written", path)
    return path


def _in_a_loop(path: tf.Tensor) -> tf.Tensor:
    return tf.while_loop(lambda i, _: i < 1, lambda i, p: (i + 1, tf.io.read_file(p)), (0, path))[1]


def _printed(x: tf.Tensor) -> tf.Tensor:
    tf.print(x, output_stream="file:///tmp/tyrian-not-written")
    return x


def _kept(x: tf.Tensor) -> tf.Tensor:
    tf.raw_ops.SaveV2(prefix="/tmp/not-written", tensor_names=["x"], shape_and_slices=[""],
                      tensors=[x])  # fmt: skip
    return x


def _read_rows(x: tf.Tensor) -> tf.Tensor:
    return tf.data.TextLineDataset(x).reduce("", lambda a, b: a + b)


def _debugged(x: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.DebugIdentityV3(input=x, tensor_name="x", debug_urls=["grpc://127.0.0.1:1"])


def write_tensorflow() -> None:
    good = Module()
    good.weight = tf.Variable([1.0, 2.0])

    def called(x: tf.Tensor) -> tf.Tensor:
        for _ in tf.range(3):
            x += tf.reduce_sum(good.weight)
        tf.print("done", x)
        tf.debugging.assert_greater(x, -1e9)
        return x

    good.call = tf.function(called, input_signature=_signature(tf.float32))
    tf.saved_model.save(good, HERE / "good/tf/loop", signatures=good.call)
    for _, _, model in keras_models():
        model.export(str(HERE / "good/tf/exported"), verbose=False)
        break
    words = keras.layers.TextVectorization(vocabulary=["a", "b"])
    text = keras.Sequential([keras.Input((1,), dtype="string"), words])
    text.export(str(HERE / "good/tf/words"), verbose=False)
    for folder in ("loop", "exported", "words"):
        note(f"good/tf/{folder}", f"TensorFlow: SavedModel, {folder}")
    text_, float_ = tf.string, tf.float32
    _saved("bad/tf/read", "TensorFlow: ReadFile", text_, tf.io.read_file)
    _saved("bad/tf/write", "TensorFlow: WriteFile", text_, _written)
    _saved("bad/tf/loop", "TensorFlow: ReadFile in the body of a loop", text_, _in_a_loop)
    _saved("bad/tf/match", "TensorFlow: MatchingFiles", text_, tf.io.matching_files)
    _saved("bad/tf/print", "TensorFlow: PrintV2 into a file", float_, _printed)
    _saved("bad/tf/save", "TensorFlow: SaveV2 to a path of its own", float_, _kept)
    _saved("bad/tf/rows", "TensorFlow: TextLineDataset", text_, _read_rows)
    _saved("bad/tf/debug", "TensorFlow: tensors sent to an address", float_, _debugged)
    python = _saved("bad/tf/python", "TensorFlow: EagerPyFunc", float_,
                    lambda x: tf.py_function(lambda y: y, [x], tf.float32))  # fmt: skip
    _saved("bad/tf/numpy", "TensorFlow: PyFunc", float_,
           lambda x: tf.numpy_function(lambda y: y, [x], tf.float32))  # fmt: skip
    data = (python / "saved_model.pb").read_bytes()
    path = note("bad/tf/custom/saved_model.pb", "TensorFlow: an operation of its own library")
    path.write_bytes(data.replace(b"EagerPyFunc", b"VendorRunIt"))
    path = note("bad/tf/cut/saved_model.pb", "TensorFlow: a SavedModel that breaks off")
    path.write_bytes(data[: len(data) // 2])
    layer = {"class_name": "Lambda", "config": {"function": ["4wAA", None, None]}}
    told = json.dumps(layer).encode()
    inner = b"\x2a" + bytes([len(told)]) + told
    path = note("bad/tf/keras_metadata.pb", "TensorFlow: Lambda in Keras' metadata")
    path.write_bytes(b"\x0a" + bytes([len(inner)]) + inner)
    _write_graphs()
    bad_asset = (HERE / "good/tf/first/saved_model.pb").read_bytes()
    path = note("bad/tf/asset/saved_model.pb", "TensorFlow: an asset in ../")
    path.write_bytes(bad_asset.replace(b"\x12\x09vocab.txt", b"\x12\x09../cab.tx"))
    for useless in HERE.rglob("fingerprint.pb"):
        if "bad" in useless.parts:
            useless.unlink()
    for folder in (HERE / "bad/tf").rglob("variables"):
        shutil.rmtree(folder)
    for folder in HERE.rglob("assets"):
        if not any(folder.iterdir()):
            folder.rmdir()


def _write_graphs() -> None:
    with tf.Graph().as_default() as graph:
        tf.io.read_file(tf.compat.v1.placeholder(tf.string, ()))
    made = note("bad/tf/frozen.pb", "TensorFlow: a frozen graph with ReadFile")
    made.write_bytes(graph.as_graph_def().SerializeToString())
    v1 = tf.compat.v1
    vocabulary = Path("/tmp/tyrian-corpus/vocab.txt")  # an absolute path, as writers leave it
    vocabulary.parent.mkdir(exist_ok=True)
    vocabulary.write_text("a\nb\n")
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        start = tf.lookup.TextFileInitializer(
            str(vocabulary), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        )  # fmt: skip
        table = tf.lookup.StaticVocabularyTable(start, 1)
        x = v1.placeholder(tf.string, (None,))
        v1.get_variable("v", initializer=1.0)
        y = table.lookup(x)
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        builder = v1.saved_model.Builder(str(HERE / "good/tf/first"))
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"d": signature}, main_op=v1.tables_initializer(),
            assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
        )  # fmt: skip
        builder.save()
        v1.train.Saver().save(session, str(HERE / "good/tf/checkpoint/model.ckpt"))
    latest = HERE / "good/tf/checkpoint/checkpoint"
    latest.write_text('model_checkpoint_path: "model.ckpt"\n')
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, (2,), "x")
        tf.nn.relu(x * 2.0)
    note("good/tf/frozen.pb", "TensorFlow: a frozen graph").write_bytes(
        graph.as_graph_def().SerializeToString()
    )
    note("good/tf/first", "TensorFlow 1: SavedModel with a vocabulary")
    note("good/tf/checkpoint", "TensorFlow 1: checkpoint with its graph")
    vocabulary.unlink()
    index = (HERE / "good/tf/first/variables/variables.index").read_bytes()
    made = note("bad/tf/variables.index", "TensorFlow: an index that breaks off")
    made.write_bytes(index[30:])


# ONNX


def _graph(nodes: list, tensors: list, name: str = "g") -> onnx.GraphProto:
    seen = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])
    return helper.make_graph(nodes, name, [seen], [made], tensors)


def _model(
    nodes: list | None = None, tensors: list | None = None, **keys: object
) -> onnx.ModelProto:
    add = [helper.make_node("Add", ["x", "w"], ["y"])]
    weights = [helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])]
    model = helper.make_model(_graph(nodes or add, tensors or weights), **keys)
    model.ir_version = 10
    return model


def _outside(location: str, **keys: str) -> onnx.ModelProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2], data_location=1)
    for key, value in {"location": location, **keys}.items():
        tensor.external_data.add(key=key, value=value)
    return _model(tensors=[tensor])


def write_onnx() -> None:
    def put(name: str, told: str, model: onnx.ModelProto) -> None:
        note(name, f"ONNX: {told}").write_bytes(model.SerializeToString())

    put("good/onnx/add.onnx", "a graph", _model(producer_name="tyrian"))
    big = _model(tensors=[onnx.numpy_helper.from_array(np.ones((2,), "f4"), "w")])
    put("good/onnx/raw.onnx", "raw data", big)
    then = helper.make_graph([helper.make_node("Abs", ["x"], ["y"])], "t", [], [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])])  # fmt: skip
    branch = helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=then)
    yes = helper.make_tensor("c", TensorProto.BOOL, [], [True])
    put("good/onnx/branch.onnx", "subgraphs", _model([branch], [yes]))
    gelu = helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")
    put("good/onnx/contrib.onnx", "an operator of ONNX Runtime", _model([gelu]))
    opset = [helper.make_opsetid("", 20)]
    body = [helper.make_node("Abs", ["a"], ["b"])]
    own = helper.make_function("pkg.own", "Mine", ["a"], ["b"], body, opset)
    called = helper.make_node("Mine", ["x"], ["y"], domain="pkg.own")
    put("good/onnx/function.onnx", "a function of its own", _model([called], functions=[own]))
    path = note("good/onnx/outside", "ONNX: data beside the model")
    path.mkdir(exist_ok=True)
    large = _model(tensors=[onnx.numpy_helper.from_array(np.ones((2,), "f4"), "w")])
    onnx.save_model(large, path / "model.onnx", save_as_external_data=True, size_threshold=0,
                    location="model.onnx.data")  # fmt: skip
    for name, told, location in (
        ("up", "data in ../", "../secret.bin"), ("far", "data in a/../../b", "a/../../b"),
        ("root", "data at an absolute path", "/etc/passwd"), ("home", "data at home", "~/.ssh/id"),
        ("windows", "data on a drive", "C:\\secret"), ("back", "data in ..\\", "..\\secret"),
        ("address", "data at an address", "file:///etc/passwd"), ("none", "data nowhere", ""),
    ):  # fmt: skip
        put(f"bad/onnx/{name}.onnx", told, _outside(location))
    put("bad/onnx/number.onnx", "a place that is no number", _outside("w.bin", offset="-4"))
    put("bad/onnx/length.onnx", "a length that does not fit", _outside("w.bin", length="9999"))
    vendor = helper.make_node("Run", ["x"], ["y"], domain="vendor.ops")
    put("bad/onnx/vendor.onnx", "an operator of any library", _model([vendor]))
    deep = helper.make_graph([vendor], "t", [], list(then.output))
    hidden = helper.make_node("If", ["c"], ["y"], then_branch=deep, else_branch=then)
    put("bad/onnx/hidden.onnx", "such an operator in a subgraph", _model([hidden], [yes]))
    python = helper.make_node("PythonOp", ["x"], ["y"], domain="com.microsoft")
    put("bad/onnx/python.onnx", "PythonOp of ONNX Runtime", _model([python]))
    extra = helper.make_node("PyOp", ["x"], ["y"], domain="ai.onnx.contrib")
    put("bad/onnx/extensions.onnx", "PyOp of the extensions", _model([extra]))
    shadow = helper.make_function("", "Add", ["a"], ["b"], body, opset)
    put("bad/onnx/shadow.onnx", "a function in the place of Add", _model(functions=[shadow]))
    inner = helper.make_function("pkg.own", "Mine", ["a"], ["b"], [vendor], opset)
    put(
        "bad/onnx/inner.onnx", "such an operator in a function", _model([called], functions=[inner])
    )
    short = TensorProto(name="w", data_type=1, dims=[1000], raw_data=b"1234")
    put("bad/onnx/short.onnx", "less data than its shape needs", _model(tensors=[short]))
    whole = _model().SerializeToString()
    note("bad/onnx/cut.onnx", "ONNX: it breaks off").write_bytes(whole[: len(whole) // 2])
    constant = helper.make_node("Constant", [], ["y"], value=_outside("../x").graph.initializer[0])
    put("bad/onnx/constant.onnx", "data in ../ of an attribute", _model([constant]))


# 7z


SEVEN = {
    "lzma2": [{"id": py7zr.FILTER_LZMA2, "preset": 6}],
    "lzma": [{"id": py7zr.FILTER_LZMA}],
    "branch": [{"id": py7zr.FILTER_X86}, {"id": py7zr.FILTER_LZMA}],
    "arm": [{"id": py7zr.FILTER_ARM}, {"id": py7zr.FILTER_LZMA2}],
    "delta": [{"id": py7zr.FILTER_DELTA, "dist": 4}, {"id": py7zr.FILTER_LZMA2}],
    "copy": [{"id": py7zr.FILTER_COPY}],
    "deflate": [{"id": py7zr.FILTER_DEFLATE}],
    "bzip2": [{"id": py7zr.FILTER_BZIP2}],
}


def write_seven() -> None:
    data = pickle.dumps({"a": list(range(500))})
    evil = b"cposix\nsystem\n(S'true'\ntR."
    for name, filters in SEVEN.items():
        for kind, content in (("good", data), ("bad", evil)):
            told = f"7z, {name}: a pickle" + (" that runs a command" if kind == "bad" else "")
            path = note(f"{kind}/7z/{name}.7z", told)
            with py7zr.SevenZipFile(path, "w", filters=filters) as archive:
                archive.writestr(content, "folder/weights.pkl")
                archive.writestr(b'{"layers": 2}', "folder/config.json")
                archive.writestr(b"", "empty.txt")
    for name, told, keys in (
        ("password", "7z: encrypted members", {}),
        ("hidden", "7z: encrypted headers", {"header_encryption": True}),
    ):
        path = note(f"bad/7z/{name}.7z", told)
        with py7zr.SevenZipFile(path, "w", password="x", **keys) as archive:
            archive.writestr(evil, "weights.pkl")
    whole = (HERE / "good/7z/lzma2.7z").read_bytes()
    note("bad/7z/cut.7z", "7z that breaks off").write_bytes(whole[:-20])
    note("bad/7z/behind.7z", "7z: bytes behind the archive").write_bytes(whole + evil)
    broken = bytearray(whole)
    broken[40] ^= 255
    note("bad/7z/broken.7z", "7z: packed bytes that are broken").write_bytes(bytes(broken))


def main() -> None:
    shutil.rmtree(HERE, ignore_errors=True)
    write_keras()
    write_h5()
    write_tensorflow()
    write_onnx()
    write_seven()
    index = json.dumps(dict(sorted(INDEX.items())), indent=1)
    (HERE / "index.json").write_text(index + "\n")


if __name__ == "__main__":
    main()
