"""What a file is, told by its bytes; names only say what it should be."""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tyrian.supply.scan.later import Later
from tyrian.supply.scan.source import Source

if TYPE_CHECKING:
    from tyrian.supply.scan.hdf5.layout import superblock_at
    from tyrian.supply.scan.homes.protobuf_file import protobuf_kind
    from tyrian.supply.scan.homes.tar_file import is_header
    from tyrian.supply.scan.homes.tf_checkpoint import is_table
else:
    superblock_at = Later("hdf5.layout:superblock_at")
    protobuf_kind = Later("homes.protobuf_file:protobuf_kind")
    is_header = Later("homes.tar_file:is_header")
    is_table = Later("homes.tf_checkpoint:is_table")

MESSAGES = frozenset(
    {"onnx", "saved-model", "tf-graph", "tf-meta-graph", "keras-metadata", "tf-fingerprint",
     "sentencepiece"}
)  # fmt: skip
"""Messages of Protocol Buffers."""
PACKED = frozenset({"gzip", "zlib", "bzip2", "xz", "lzma"})
"""Streams that are unpacked and scanned as what comes out."""
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x93NUMPY", "npy"),
    (b"GGUF", "gguf"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"\x7fELF", "program"),
    (b"\xcf\xfa\xed\xfe", "program"),
    (b"\xce\xfa\xed\xfe", "program"),
    (b"\xfe\xed\xfa\xce", "program"),
    (b"\xfe\xed\xfa\xcf", "program"),
    (b"\0asm", "program"),
    (b"dex\n", "program"),
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"%PDF-", "pdf"),
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
)
_PICKLE = frozenset(
    {"pickle", "zip", "tar", "gzip", "zlib", "bzip2", "xz", "lzma", "npy", "lz4", "safetensors"}
)
_TEXTS = "json jsonl txt md yaml yml jinja py sh cfg toml ini csv tsv"
_LOADED = "pkl pickle pt pth bin ckpt joblib dill cloudpickle pck p"
PICKLES = frozenset(_LOADED.split())
"""Endings under which loaders unpickle without looking further."""
EXPECTED: dict[str, frozenset[str]] = {
    **dict.fromkeys((*PICKLES, "model", "dat"), _PICKLE),
    **dict.fromkeys(("jpg", "jpeg", "png", "gif"), frozenset({"image"})),
    **dict.fromkeys(_TEXTS.split(), frozenset({"text"})),
    "safetensors": frozenset({"safetensors"}),
    "gguf": frozenset({"gguf"}),
    "npy": frozenset({"npy"}),
    "npz": frozenset({"zip"}),
    "zip": frozenset({"zip"}),
    "keras": frozenset({"zip"}),
    "tar": frozenset({"tar"}),
    "gz": frozenset({"gzip"}),
    "tgz": frozenset({"gzip"}),
    "bz2": frozenset({"bzip2"}),
    "xz": frozenset({"xz"}),
    "lzma": frozenset({"lzma"}),
    "7z": frozenset({"7z"}),
    "h5": frozenset({"hdf5"}),
    "hdf5": frozenset({"hdf5"}),
    "onnx": frozenset({"onnx"}),
    "pb": MESSAGES,
    "pdf": frozenset({"pdf"}),
    "parquet": frozenset({"parquet"}),
}  # fmt: skip
"""What content a name may have; names that are not here may have any."""


_UNTOLD = b"\xff" * 8
"""The size in an lzma header where it is not told."""


def extension(name: str) -> str:
    """The last part of a name, in small letters."""
    return PurePosixPath(name).suffix[1:].lower()


def kind_of(source: Source) -> str:
    """The format of the content; `text`, or `unknown`, where no mark tells."""
    head = source.read_at(0, 512)
    if not head:
        return "empty"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:2] == b"MZ" and source.size > 64:
        at = int.from_bytes(head[60:64], "little")
        if source.read_at(at, 4) == b"PE\0\0":
            return "program"
    checksum = head[148:156].strip(b" \0")  # looked at here, so that few files import the rest
    if checksum and not checksum.translate(None, b"01234567") and is_header(head):
        return "tar"
    if head[0] == 0x80 and head[1:2] and head[1] <= 5:
        return "pickle"
    if _is_safetensors(source, head):
        return "safetensors"
    if head[:2] in (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"):
        return "zlib"
    if head[:3] == b"\x5d\0\0" and head[5:13] in (_UNTOLD, head[5:12] + b"\0"):
        return "lzma"
    if source.read_at(max(0, source.size - 22), 4) == b"PK\x05\x06":
        return "zip"
    if kind := protobuf_kind(source):
        return kind
    if is_table(source):
        return "tf-checkpoint"
    if _is_text(source, head):
        return "text"
    return "hdf5" if superblock_at(source) > 0 else "unknown"


def _is_safetensors(source: Source, head: bytes) -> bool:
    length = int.from_bytes(head[:8], "little")
    return head[8:9] == b"{" and length >= 2 and head[4:8] == b"\0\0\0\0"


def _is_text(source: Source, head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if b"\0" in head:
        return False
    start = source.read_at(0, 8192)
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(start) - 4 and source.size > len(start)
    return b"\0" not in start
