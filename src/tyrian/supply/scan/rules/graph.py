"""Formats that hold a computation: TorchScript, Keras, TensorFlow, ONNX, SentencePiece."""

from tyrian.core.detection import Severity
from tyrian.supply.scan.rules.rule import MADE_ANEW, ScanRule

_KERAS = "https://github.com/advisories/GHSA-48g7-3x6r-xfhp"
_TENSORFLOW = "https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md"
_ONNX = "https://onnx.ai/onnx/repo-docs/ExternalData.html"

RULES = (
    ScanRule(
        "torchscript-reaches-out",
        Severity.HIGH,
        "TorchScript code touches files or operators outside of PyTorch",
        "read the code in the archive before the model is loaded",
        "https://pytorch.org/docs/stable/jit.html",
    ),
    ScanRule(
        "keras-runs-code",
        Severity.CRITICAL,
        "a Keras configuration brings code, or calls what reaches out",
        "do not load the model; ask its author for one of plain layers",
        _KERAS,
    ),
    ScanRule(
        "keras-foreign-object",
        Severity.HIGH,
        "a Keras configuration names an object outside of Keras' layers",
        "see what the name does; load the model only where its module is trusted",
        _KERAS,
    ),
    ScanRule(
        "keras-reads-outside",
        Severity.HIGH,
        "a Keras configuration has a file or address read",
        "save the model anew with the vocabulary in it",
        "https://github.com/advisories/GHSA-mq84-hjqx-cwf2",
    ),
    ScanRule(
        "tf-operation",
        Severity.CRITICAL,
        "a TensorFlow graph touches files, Python, or other processes",
        "do not load the model; ask its author for one without the operation",
        _TENSORFLOW,
    ),
    ScanRule(
        "tf-unknown-operation",
        Severity.HIGH,
        "a TensorFlow graph needs an operation of a library of its own",
        "see where the operation comes from before its library is loaded",
        _TENSORFLOW,
    ),
    ScanRule(
        "tf-malformed",
        Severity.HIGH,
        "a TensorFlow file cannot be followed",
        MADE_ANEW,
        _TENSORFLOW,
    ),
    ScanRule("onnx-malformed", Severity.HIGH, "an ONNX file cannot be followed", MADE_ANEW, _ONNX),
    ScanRule(
        "onnx-external-data",
        Severity.CRITICAL,
        "an ONNX file takes tensors out of files that are not its own",
        "do not load the model; ask its author for one whose data lies beside it",
        "https://github.com/advisories/GHSA-xwgm-8647-r929",
    ),
    ScanRule(
        "claimed-data",
        Severity.HIGH,
        "a file that holds the tensors of another is not what that says",
        MADE_ANEW,
        _ONNX,
    ),
    ScanRule(
        "onnx-operator",
        Severity.HIGH,
        "an ONNX graph needs operators that are not those of ONNX",
        "see which library has the operator before that is loaded",
        "https://onnxruntime.ai/docs/reference/operators/add-custom-op.html",
    ),
    ScanRule(
        "sentencepiece-malformed",
        Severity.HIGH,
        "a SentencePiece model cannot be followed",
        MADE_ANEW,
        "https://github.com/google/sentencepiece",
    ),
)
