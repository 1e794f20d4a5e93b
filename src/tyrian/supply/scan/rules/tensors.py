"""Formats that hold numbers: NumPy, MessagePack, safetensors, GGUF, HDF5."""

from tyrian.core.detection import Severity
from tyrian.supply.scan.rules.rule import CWE_22, CWE_502, MADE_ANEW, NO_LOAD, ScanRule

_SAFETENSORS = "https://huggingface.co/docs/safetensors/index#format"
_GGUF = "https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"
_HDF5 = "https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html"

RULES = (
    ScanRule(
        "npy-malformed",
        Severity.HIGH,
        "a NumPy file does not keep to its format",
        MADE_ANEW,
        "https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html",
    ),
    ScanRule(
        "msgpack-malformed",
        Severity.HIGH,
        "a MessagePack file does not keep to its format",
        MADE_ANEW,
        "https://github.com/msgpack/msgpack/blob/master/spec.md",
    ),
    ScanRule(
        "safetensors-malformed",
        Severity.HIGH,
        "a safetensors file does not keep to its format",
        MADE_ANEW,
        _SAFETENSORS,
    ),
    ScanRule(
        "safetensors-carries-code",
        Severity.HIGH,
        "the metadata of a safetensors file carries code",
        "remove the metadata; do not use it with a tool that evaluates it",
        _SAFETENSORS,
    ),
    ScanRule("gguf-malformed", Severity.HIGH, "a GGUF file lies about its sizes", MADE_ANEW, _GGUF),
    ScanRule("hdf5-malformed", Severity.HIGH, "an HDF5 file cannot be followed", MADE_ANEW, _HDF5),
    ScanRule(
        "hdf5-leaves-file",
        Severity.HIGH,
        "an HDF5 file takes data out of other files",
        "save it anew with all data within it",
        CWE_22,
    ),
    ScanRule(
        "hdf5-plug-in",
        Severity.MEDIUM,
        "an HDF5 file needs a plug-in of native code",
        "save it anew, packed by gzip or not at all",
        _HDF5,
    ),
    ScanRule(
        "hdf5-pickled-objects",
        Severity.HIGH,
        "an HDF5 file keeps objects as pickles",
        NO_LOAD,
        CWE_502,
    ),
)
