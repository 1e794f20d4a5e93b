"""TensorFlow's operations: what each of the dangerous ones does, and which exist at all."""

from functools import cache
from importlib.resources import files

_BY_EFFECT = {
    "reads files": "ReadFile MatchingFiles WholeFileReader WholeFileReaderV2 TextLineReader "
    "TextLineReaderV2 FixedLengthRecordReader FixedLengthRecordReaderV2 TFRecordReader "
    "TFRecordReaderV2 LMDBReader TextLineDataset TFRecordDataset TFRecordDatasetV2 "
    "FixedLengthRecordDataset FixedLengthRecordDatasetV2 LMDBDataset ExperimentalLMDBDataset "
    "CSVDataset CSVDatasetV2 ExperimentalCSVDataset MatchingFilesDataset "
    "ExperimentalMatchingFilesDataset LoadDataset SnapshotDatasetReader "
    "SnapshotNestedDatasetReader SnapshotChunkDataset ListSnapshotChunksDataset ImmutableConst",
    "queries a database": "SqlDataset ExperimentalSqlDataset",
    "writes or removes files": "WriteFile DatasetToTFRecord ExperimentalDatasetToTFRecord "
    "SaveDataset SaveDatasetV2 SnapshotDataset SnapshotDatasetV2 CreateSummaryFileWriter "
    "CreateSummaryDbWriter DumpTensor CalibrationStatisticsSaver DistributedSave",
    "runs Python of the process that loads it": "PyFunc PyFuncStateless EagerPyFunc",
    "talks to other processes": "RemoteCall DataServiceDataset DataServiceDatasetV2 "
    "DataServiceDatasetV3 DataServiceDatasetV4 RegisterDataset RegisterDatasetV2 "
    "RpcCall RpcServer RpcServerStart RpcServerRegister RpcClient "
    "FileSystemSetConfiguration",
    "ends the process": "Abort",
}
DANGEROUS = {name: told for told, names in _BY_EFFECT.items() for name in names.split()}
"""What an operation does that a model has no need of."""
_WITH_PATH = (
    "SaveV2 Save SaveSlices RestoreV2 Restore RestoreSlice MergeV2Checkpoints ShardedFilename "
    "InitializeTableFromTextFile InitializeTableFromTextFileV2 CacheDataset CacheDatasetV2"
)
TAKES_PATH = frozenset(_WITH_PATH.split())
"""Operations that every saved model may have, and that touch the file that they are given."""


@cache
def known_operations() -> frozenset[str]:
    """The names of all operations of TensorFlow itself."""
    text = files(__package__).joinpath("tf_operations.txt").read_text("ascii")
    return frozenset(text.split())
