"""What a pickle of a model may name; everything outside of it is a finding.

The list holds importable names of Python 3; those that old protocols use are mapped first. A name
stands here only if calling it with any data, and setting state on its instances, neither runs code
of the file's choosing nor touches files, processes or the network.
"""

import re
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

_CLASSES = re.compile(r"_{0,2}[A-Z][A-Za-z0-9_]*\Z")

_NAMES: dict[str, str] = {
    "builtins": "set frozenset list dict tuple bytearray bytes int float bool str complex slice "
    "range object Ellipsis NotImplemented NoneType Exception ValueError TypeError KeyError "
    "IndexError RuntimeError ArithmeticError ZeroDivisionError OSError StopIteration",
    "collections": "OrderedDict defaultdict deque Counter ChainMap UserDict UserList UserString",
    "_codecs": "encode",
    "copyreg": "_reconstructor __newobj__ __newobj_ex__",
    "datetime": "datetime date time timedelta timezone tzinfo",
    "zoneinfo": "ZoneInfo",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "uuid": "UUID SafeUUID",
    "re": "_compile",
    "array": "array _array_reconstructor",
    "argparse": "Namespace",
    "types": "SimpleNamespace",
    "functools": "partial",
    "itertools": "count repeat chain cycle",
    "operator": "itemgetter",
    "pathlib": "PosixPath WindowsPath Path PurePath PurePosixPath PureWindowsPath",
    "pathlib._local": "PosixPath WindowsPath Path PurePath PurePosixPath PureWindowsPath",
    "random": "Random",
    "time": "struct_time",
    "numpy": "ndarray dtype float16 float32 float64 longdouble int8 int16 int32 int64 uint8 uint16 "
    "uint32 uint64 bool_ bool complex64 complex128 clongdouble str_ bytes_ void object_ "
    "datetime64 timedelta64 float_ int_ recarray record matrix generic number floating integer",
    "numpy.ma": "MaskedArray",
    "numpy.ma.core": "_mareconstruct MaskedArray",
    "numpy.matrixlib.defmatrix": "matrix",
    "numpy.random": "RandomState Generator",
    "numpy.random.mtrand": "RandomState",
    "numpy.random._mt19937": "MT19937",
    "numpy.random._pcg64": "PCG64 PCG64DXSM",
    "numpy.random._philox": "Philox",
    "numpy.random._sfc64": "SFC64",
    "numpy.random.bit_generator": "SeedSequence __pyx_unpickle_SeedSequence",
    "numpy.random._pickle": "__randomstate_ctor __generator_ctor __bit_generator_ctor",
    "numpy.dtypes": "StringDType",
    "joblib.numpy_pickle": "NumpyArrayWrapper NDArrayWrapper ZNDArrayWrapper",
    "scipy.sparse": "csr_matrix csc_matrix coo_matrix lil_matrix dok_matrix bsr_matrix dia_matrix "
    "csr_array csc_array coo_array",
    "torch": "Size device dtype layout Tensor Generator strided sparse_coo sparse_csr Stream "
    "contiguous_format preserve_format channels_last relu tanh sigmoid "
    "float16 float32 float64 bfloat16 half float double int8 int16 int32 int64 uint8 uint16 uint32 "
    "uint64 bool complex32 complex64 complex128 qint8 quint8 qint32 quint4x2 quint2x4 "
    "float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 "
    "per_tensor_affine per_channel_affine per_tensor_symmetric per_channel_symmetric",
    "torch.nn.parameter": "Parameter Buffer UninitializedParameter UninitializedBuffer",
    "torch.storage": "UntypedStorage TypedStorage _UntypedStorage _TypedStorage",
    "torch.serialization": "_get_layout",
    "torch._tensor": "Tensor _rebuild_from_type_v2",
    "torch._utils": "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter "
    "_rebuild_parameter_with_state _rebuild_sparse_tensor _rebuild_sparse_csr_tensor "
    "_rebuild_nested_tensor _rebuild_qtensor _rebuild_meta_tensor_no_storage "
    "_rebuild_device_tensor_from_numpy _rebuild_device_tensor_from_cpu_tensor "
    "_rebuild_wrapper_subclass",
    "torch.jit._pickle": "build_intlist build_tensorlist build_doublelist build_boollist "
    "build_tensor_from_id restore_type_tag",
    "torch.nn.functional": "relu gelu silu softmax log_softmax sigmoid tanh elu selu leaky_relu "
    "mish hardswish cross_entropy mse_loss relu6 softplus softsign",
    "torch._C._nn": "gelu silu leaky_relu elu",
    "torch.optim.optimizer": "_RequiredParameter Optimizer",
    "pandas": "DataFrame Series Index RangeIndex MultiIndex Timestamp Timedelta Categorical "
    "StringDtype CategoricalDtype Period Interval NaT "
    "DatetimeTZDtype PeriodDtype Int8Dtype Int16Dtype Int32Dtype Int64Dtype Float32Dtype "
    "Float64Dtype BooleanDtype",
    "pandas.core.frame": "DataFrame",
    "pandas.core.series": "Series",
    "pandas.core.internals.managers": "BlockManager SingleBlockManager",
    "pandas.core.internals.blocks": "new_block",
    "pandas.core.indexes.base": "_new_Index Index",
    "pandas.core.indexes.range": "RangeIndex",
    "pandas.core.indexes.multi": "MultiIndex",
    "pandas.core.indexes.datetimes": "_new_DatetimeIndex DatetimeIndex",
    "pandas.core.arrays.categorical": "Categorical",
    "pandas.core.arrays.integer": "IntegerArray",
    "pandas.core.arrays.string_": "StringArray StringDtype",
    "pandas.core.arrays.string_arrow": "ArrowStringArray",
    "pandas.core.dtypes.dtypes": "CategoricalDtype DatetimeTZDtype",
    "pandas._libs.internals": "_unpickle_block",
    "pyarrow.lib": "_restore_array type_for_alias py_buffer chunked_array",
    "pandas._libs.arrays": "__pyx_unpickle_NDArrayBacked",
    "pandas._libs.tslibs.timestamps": "_unpickle_timestamp Timestamp",
    "pandas._libs.tslibs.timedeltas": "_timedelta_unpickle Timedelta",
    "xgboost.core": "Booster DMatrix",
    "xgboost.sklearn": "XGBClassifier XGBRegressor XGBRanker XGBModel XGBRFClassifier",
    "lightgbm.basic": "Booster",
    "lightgbm.sklearn": "LGBMClassifier LGBMRegressor LGBMRanker LGBMModel",
    "transformers.training_args": "TrainingArguments OptimizerNames ParallelMode",
    "transformers.trainer_utils": "IntervalStrategy SchedulerType HubStrategy SaveStrategy "
    "EvaluationStrategy FSDPOption",
    "transformers.trainer_pt_utils": "AcceleratorConfig",
    "transformers.tokenization_utils": "Trie",
    "transformers.tokenization_utils_base": "BatchEncoding AddedToken",
    "accelerate.state": "PartialState AcceleratorState",
    "accelerate.utils.dataclasses": "DistributedType DeepSpeedPlugin",
    "tokenizers": "AddedToken Encoding",
}
for _stem in ("numpy.core", "numpy._core"):
    _NAMES[f"{_stem}.multiarray"] = "_reconstruct scalar ndarray dtype"
    _NAMES[f"{_stem}.numeric"] = "_frombuffer"
    _NAMES[f"{_stem}.records"] = "recarray record"
_STORAGES = "Float Double Half BFloat16 Byte Char Short Int Long Bool ComplexFloat ComplexDouble"
_NAMES["torch"] += "".join(f" {one}Storage {one}Tensor" for one in _STORAGES.split())
_NAMES["torch"] += " QInt8Storage QUInt8Storage QInt32Storage QUInt4x2Storage QUInt2x4Storage"
_NAMES["torch.cuda"] = " ".join(
    f"{one}Storage {one}Tensor" for one in _STORAGES.split() if not one.startswith("Complex")
)

_CLASSES_OF = re.compile(
    r"torch\.nn\.modules\.[a-z_0-9]+"
    r"|torch\.optim\.[a-z_0-9]+"
    r"|torch\.distributions\.[a-z_0-9]+"
    r"|pandas\.arrays"
    r"|scipy\.sparse\._[a-z]+"
    r"|sklearn\.(?:linear_model|ensemble|tree|svm|naive_bayes|neighbors|cluster|decomposition"
    r"|preprocessing|pipeline|compose|feature_extraction|feature_selection|impute|calibration"
    r"|neural_network|discriminant_analysis|gaussian_process|mixture|manifold|kernel_ridge"
    r"|multiclass|multioutput|isotonic|covariance|cross_decomposition|dummy|random_projection"
    r"|model_selection|_loss|metrics|semi_supervised|kernel_approximation)(?:\.[a-z_0-9]+)*"
    r"|sklearn\.utils\._bunch"
)
"""Modules whose classes, though not their functions, are data."""
_FUNCTIONS_OF_CYTHON = {
    ("sklearn._loss._loss", "__pyx_unpickle_"),
    ("sklearn.metrics._dist_metrics", "newObj"),
    ("sklearn.neighbors._kd_tree", "newObj"),
    ("sklearn.neighbors._ball_tree", "newObj"),
}

GUARDED = {("torch.storage", "_load_from_bytes")}
"""Names that may only be called, at once, with bytes that were scanned themselves."""

_ALLOWED = {(module, name) for module, names in _NAMES.items() for name in names.split()}
_WORDS = {word for pair in _ALLOWED | GUARDED for word in pair}
VOCABULARY = {word.encode(): word.encode() for word in _WORDS | {"latin1", "storage"}}
"""Every word of the list, so that a reader can tell at once which strings may matter."""


def is_allowed(module: str, name: str, protocol: int = 4) -> bool:
    """Whether a pickle of that protocol may name this, as its loader would resolve it."""
    module, name = resolved(module, name, protocol)
    if (module, name) in _ALLOWED:
        return True
    if _CLASSES_OF.fullmatch(module):
        is_class = _CLASSES.match(name) is not None
        return is_class or any(
            module == known and name.startswith(start) for known, start in _FUNCTIONS_OF_CYTHON
        )
    return False


def resolved(module: str, name: str, protocol: int) -> tuple[str, str]:
    """The name of Python 3 that a loader takes for one of an old protocol."""
    if protocol >= 3:
        return module, name
    if (module, name) in NAME_MAPPING:
        return NAME_MAPPING[module, name]
    return IMPORT_MAPPING.get(module, module), name
