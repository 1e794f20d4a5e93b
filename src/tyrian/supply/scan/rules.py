"""The rules of the scan, as data: id, severity, what it means, what to do, where to read of it."""

from dataclasses import dataclass

from tyrian.core.detection import Severity

_PICKLE = "https://docs.python.org/3/library/pickle.html#restricting-globals"
_CWE_502 = "https://cwe.mitre.org/data/definitions/502.html"
_CWE_22 = "https://cwe.mitre.org/data/definitions/22.html"
_CWE_59 = "https://cwe.mitre.org/data/definitions/59.html"
_CWE_409 = "https://cwe.mitre.org/data/definitions/409.html"
_CWE_94 = "https://cwe.mitre.org/data/definitions/94.html"
_CWE_506 = "https://cwe.mitre.org/data/definitions/506.html"
_CWE_436 = "https://cwe.mitre.org/data/definitions/436.html"
_SAFETENSORS = "https://huggingface.co/docs/safetensors/index#format"
_GGUF = "https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"
_REMOTE = "https://huggingface.co/docs/transformers/custom_models"
_KERAS = "https://github.com/advisories/GHSA-48g7-3x6r-xfhp"
_HDF5 = "https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html"
_TENSORFLOW = "https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md"
_ONNX = "https://onnx.ai/onnx/repo-docs/ExternalData.html"
_TEMPLATE = "https://github.com/advisories/GHSA-56xg-wfcc-g829"


@dataclass(frozen=True, slots=True)
class ScanRule:
    """One kind of finding."""

    id: str
    severity: Severity
    title: str
    fix: str
    reference: str
    is_unread: bool = False
    """It says that something was not examined, not that something bad is there."""


_CRITICAL, _HIGH, _MEDIUM, _LOW = (
    Severity.CRITICAL,
    Severity.HIGH,
    Severity.MEDIUM,
    Severity.LOW,
)
_NO_LOAD = "do not load the file; ask its author for safetensors"
_READ_CODE = "read the code before anything runs it, or remove it"
_MADE_ANEW = "get the file again from its author, or write it anew with the library it is of"

RULES: dict[str, ScanRule] = {
    rule.id: rule
    for rule in (
        ScanRule(
            "pickle-dangerous-global",
            _CRITICAL,
            "a pickle names a function that runs code or reaches out",
            _NO_LOAD,
            _CWE_502,
        ),
        ScanRule(
            "pickle-unknown-global",
            _HIGH,
            "a pickle names something outside of what models need",
            "see what the name does; load the file only where its module is trusted",
            _PICKLE,
        ),
        ScanRule(
            "pickle-computed-name",
            _CRITICAL,
            "a pickle puts the name of what it loads together while it loads",
            _NO_LOAD,
            _CWE_502,
        ),
        ScanRule(
            "pickle-computed-call",
            _CRITICAL,
            "a pickle calls something that it has made itself",
            _NO_LOAD,
            _CWE_502,
        ),
        ScanRule(
            "pickle-patches-import",
            _CRITICAL,
            "a pickle changes a module, class or function",
            _NO_LOAD,
            _CWE_502,
        ),
        ScanRule(
            "pickle-special-attribute",
            _HIGH,
            "a pickle sets an attribute that Python calls by itself",
            _NO_LOAD,
            _CWE_502,
        ),
        ScanRule(
            "pickle-extension-code",
            _HIGH,
            "a pickle takes an object out of the extension registry by number",
            _NO_LOAD,
            "https://docs.python.org/3/library/copyreg.html",
        ),
        ScanRule(
            "pickle-persistent-id",
            _MEDIUM,
            "a pickle asks its loader for objects outside of the file",
            "load it only with the program that it is for",
            "https://docs.python.org/3/library/pickle.html#persistence-of-external-objects",
        ),
        ScanRule(
            "pickle-malformed",
            _HIGH,
            "a pickle breaks off or cannot be followed",
            _MADE_ANEW,
            _PICKLE,
        ),
        ScanRule(
            "pickle-frame-lies",
            _HIGH,
            "the frames of a pickle do not fit its opcodes, so that readers disagree",
            _MADE_ANEW,
            _CWE_436,
        ),
        ScanRule(
            "pickle-trailing-data",
            _HIGH,
            "bytes follow after the end of a pickle",
            _MADE_ANEW,
            _CWE_436,
        ),
        ScanRule("archive-malformed", _HIGH, "an archive cannot be read", _MADE_ANEW, _CWE_436),
        ScanRule(
            "archive-readers-disagree",
            _HIGH,
            "two ways to read an archive give different members",
            _MADE_ANEW,
            _CWE_436,
        ),
        ScanRule(
            "archive-path-escapes",
            _CRITICAL,
            "a member of an archive would be written outside of its folder",
            "do not unpack the archive",
            _CWE_22,
        ),
        ScanRule(
            "archive-foreign",
            _HIGH,
            "an archive packs its content so that only its own program can look into it",
            "unpack it where nothing can happen, and scan what it held",
            "https://cwe.mitre.org/data/definitions/506.html",
        ),
        ScanRule(
            "archive-encrypted",
            _HIGH,
            "an archive hides its content behind a password",
            "do not unpack the archive; models have nothing to hide from those who load them",
            "https://cwe.mitre.org/data/definitions/506.html",
        ),
        ScanRule(
            "archive-bomb",
            _HIGH,
            "an archive grows beyond all measure when it is unpacked",
            "do not unpack the archive",
            _CWE_409,
        ),
        ScanRule(
            "content-mismatch",
            _HIGH,
            "the content of a file is of another kind than its name says",
            "find out why the file is named so; readers that go by content load something else",
            "https://cwe.mitre.org/data/definitions/646.html",
        ),
        ScanRule(
            "executable-file",
            _CRITICAL,
            "a program lies among the files of a model",
            "remove it; models have no need of programs",
            "https://cwe.mitre.org/data/definitions/506.html",
        ),
        ScanRule(
            "link-leaves-directory",
            _HIGH,
            "a link leads out of the directory",
            "replace the link by the file",
            _CWE_59,
        ),
        ScanRule(
            "control-characters-in-name",
            _HIGH,
            "a file's name has characters that steer a terminal or hide its end",
            "rename the file",
            "https://cwe.mitre.org/data/definitions/150.html",
        ),
        ScanRule(
            "changed-while-read",
            _HIGH,
            "a file changed while it was read",
            "scan again where nobody writes",
            "https://cwe.mitre.org/data/definitions/367.html",
        ),
        ScanRule(
            "npy-malformed",
            _HIGH,
            "a NumPy file does not keep to its format",
            _MADE_ANEW,
            "https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html",
        ),
        ScanRule(
            "msgpack-malformed",
            _HIGH,
            "a MessagePack file does not keep to its format",
            _MADE_ANEW,
            "https://github.com/msgpack/msgpack/blob/master/spec.md",
        ),
        ScanRule(
            "torchscript-reaches-out",
            _HIGH,
            "TorchScript code touches files or operators outside of PyTorch",
            "read the code in the archive before the model is loaded",
            "https://pytorch.org/docs/stable/jit.html",
        ),
        ScanRule(
            "safetensors-malformed",
            _HIGH,
            "a safetensors file does not keep to its format",
            _MADE_ANEW,
            _SAFETENSORS,
        ),
        ScanRule(
            "safetensors-carries-code",
            _HIGH,
            "the metadata of a safetensors file carries code",
            "remove the metadata; do not use it with a tool that evaluates it",
            _SAFETENSORS,
        ),
        ScanRule("gguf-malformed", _HIGH, "a GGUF file lies about its sizes", _MADE_ANEW, _GGUF),
        ScanRule(
            "keras-runs-code",
            _CRITICAL,
            "a Keras configuration brings code, or calls what reaches out",
            "do not load the model; ask its author for one of plain layers",
            _KERAS,
        ),
        ScanRule(
            "keras-foreign-object",
            _HIGH,
            "a Keras configuration names an object outside of Keras' layers",
            "see what the name does; load the model only where its module is trusted",
            _KERAS,
        ),
        ScanRule(
            "keras-reads-outside",
            _HIGH,
            "a Keras configuration has a file or address read",
            "save the model anew with the vocabulary in it",
            "https://github.com/advisories/GHSA-mq84-hjqx-cwf2",
        ),
        ScanRule("hdf5-malformed", _HIGH, "an HDF5 file cannot be followed", _MADE_ANEW, _HDF5),
        ScanRule(
            "hdf5-leaves-file",
            _HIGH,
            "an HDF5 file takes data out of other files",
            "save it anew with all data within it",
            _CWE_22,
        ),
        ScanRule(
            "hdf5-plug-in",
            _MEDIUM,
            "an HDF5 file needs a plug-in of native code",
            "save it anew, packed by gzip or not at all",
            _HDF5,
        ),
        ScanRule(
            "hdf5-pickled-objects",
            _HIGH,
            "an HDF5 file keeps objects as pickles",
            _NO_LOAD,
            _CWE_502,
        ),
        ScanRule(
            "tf-operation",
            _CRITICAL,
            "a TensorFlow graph touches files, Python, or other processes",
            "do not load the model; ask its author for one without the operation",
            _TENSORFLOW,
        ),
        ScanRule(
            "tf-unknown-operation",
            _HIGH,
            "a TensorFlow graph needs an operation of a library of its own",
            "see where the operation comes from before its library is loaded",
            _TENSORFLOW,
        ),
        ScanRule(
            "tf-malformed", _HIGH, "a TensorFlow file cannot be followed", _MADE_ANEW, _TENSORFLOW
        ),
        ScanRule("onnx-malformed", _HIGH, "an ONNX file cannot be followed", _MADE_ANEW, _ONNX),
        ScanRule(
            "onnx-external-data",
            _CRITICAL,
            "an ONNX file takes tensors out of files that are not its own",
            "do not load the model; ask its author for one whose data lies beside it",
            "https://github.com/advisories/GHSA-xwgm-8647-r929",
        ),
        ScanRule(
            "claimed-data",
            _HIGH,
            "a file that holds the tensors of another is not what that says",
            _MADE_ANEW,
            _ONNX,
        ),
        ScanRule(
            "onnx-operator",
            _HIGH,
            "an ONNX graph needs operators that are not those of ONNX",
            "see which library has the operator before that is loaded",
            "https://onnxruntime.ai/docs/reference/operators/add-custom-op.html",
        ),
        ScanRule(
            "sentencepiece-malformed",
            _HIGH,
            "a SentencePiece model cannot be followed",
            _MADE_ANEW,
            "https://github.com/google/sentencepiece",
        ),
        ScanRule(
            "template-reaches-python",
            _CRITICAL,
            "a chat template reaches for the insides of Python",
            "do not render the template; take that of the model's base",
            _TEMPLATE,
        ),
        ScanRule(
            "template-steers",
            _HIGH,
            "a chat template tells the model what neither user nor operator wrote",
            "take the template of the model's base, or read it line by line before it is used",
            "https://genai.owasp.org/llmrisk/llm03-training/",
        ),
        ScanRule(
            "template-malformed",
            _HIGH,
            "a chat template cannot be parsed",
            "take the template of the model's base",
            "https://huggingface.co/docs/transformers/chat_templating",
        ),
        ScanRule(
            "config-remote-code",
            _HIGH,
            "a configuration has code of its own loaded",
            "read that code, pin its revision, or do without it",
            _REMOTE,
        ),
        ScanRule(
            "code-runs-code",
            _CRITICAL,
            "code beside a model runs what it is given or fetches",
            _READ_CODE,
            _CWE_94,
        ),
        ScanRule(
            "code-runs-programs",
            _HIGH,
            "code beside a model starts programs",
            _READ_CODE,
            "https://cwe.mitre.org/data/definitions/78.html",
        ),
        ScanRule(
            "code-loads-objects",
            _HIGH,
            "code beside a model loads objects that can run anything",
            _READ_CODE,
            _CWE_502,
        ),
        ScanRule(
            "code-loads",
            _HIGH,
            "code beside a model loads native or foreign code",
            _READ_CODE,
            _CWE_94,
        ),
        ScanRule(
            "code-connects",
            _HIGH,
            "code beside a model opens connections of its own",
            _READ_CODE,
            _CWE_506,
        ),
        ScanRule(
            "code-sends-secrets",
            _CRITICAL,
            "code beside a model reads secrets and sends",
            "do not run it; change the secrets where it has run",
            "https://cwe.mitre.org/data/definitions/200.html",
        ),
        ScanRule(
            "code-touches-secrets",
            _HIGH,
            "code beside a model names files of credentials, or that a system runs by itself",
            _READ_CODE,
            _CWE_506,
        ),
        ScanRule(
            "code-hides",
            _HIGH,
            "code beside a model hides what it does",
            _READ_CODE,
            "https://attack.mitre.org/techniques/T1027/",
        ),
        ScanRule(
            "code-patches",
            _HIGH,
            "code beside a model changes what other code does",
            _READ_CODE,
            _CWE_506,
        ),
        ScanRule(
            "code-runs-by-itself",
            _HIGH,
            "code beside a model has itself or something else run without being asked",
            _READ_CODE,
            "https://attack.mitre.org/tactics/TA0003/",
        ),
        ScanRule(
            "code-destroys",
            _CRITICAL,
            "code beside a model destroys what is not its own",
            _READ_CODE,
            _CWE_506,
        ),
        ScanRule(
            "dependency-source",
            _HIGH,
            "packages come from a place that nobody vouches for",
            "take them from the index that you trust, each with its hash",
            "https://cwe.mitre.org/data/definitions/829.html",
        ),
        ScanRule(
            "dependency-name",
            _HIGH,
            "a package has nearly the name of a known one",
            "see which of the two is meant",
            "https://cwe.mitre.org/data/definitions/1357.html",
        ),
        ScanRule(
            "config-leads-out",
            _HIGH,
            "a configuration names files outside of the model",
            "replace the path by a file beside the configuration",
            _CWE_22,
        ),
        ScanRule(
            "config-runs-code",
            _CRITICAL,
            "a configuration has something called when it is read",
            "do not read it with the library it is for; write it anew without the call",
            _CWE_94,
        ),
        ScanRule(
            "tokenizer-collides",
            _HIGH,
            "a tokenizer gives one number to two texts, or two numbers to one",
            "take the tokenizer of the model's base",
            "https://huggingface.co/docs/tokenizers/api/added-tokens",
        ),
        ScanRule(
            "tokenizer-rewrites",
            _HIGH,
            "a tokenizer replaces words by others",
            "take the tokenizer of the model's base",
            "https://huggingface.co/docs/tokenizers/api/normalizers",
        ),
        ScanRule(
            "card-orders",
            _HIGH,
            "a note orders programs about that read it",
            "remove the sentence; do not have programs read the note until then",
            "https://genai.owasp.org/llmrisk/llm01-prompt-injection/",
        ),
        ScanRule(
            "text-secret",
            _HIGH,
            "a secret stands in a file of the model",
            "change the secret, since everyone with the model has it, and remove it",
            "https://cwe.mitre.org/data/definitions/798.html",
        ),
        ScanRule(
            "text-hidden",
            _HIGH,
            "a text has characters that people do not see and models read",
            "remove them",
            "https://cwe.mitre.org/data/definitions/1007.html",
        ),
        ScanRule(
            "text-attack",
            _MEDIUM,
            "a text reads like an attack on the model that reads it",
            "read it before a program does",
            "https://genai.owasp.org/llmrisk/llm01-prompt-injection/",
        ),
        ScanRule(
            "xml-entity",
            _HIGH,
            "an XML file names files or grows without end when it is read",
            "remove its entities",
            "https://cwe.mitre.org/data/definitions/611.html",
        ),
        ScanRule(
            "json-malformed",
            _HIGH,
            "a JSON file cannot be read, or readers disagree on it",
            _MADE_ANEW,
            "https://www.rfc-editor.org/rfc/rfc8259#section-4",
        ),
        ScanRule(
            "file-unreadable",
            _HIGH,
            "a file or directory cannot be read",
            "mend its permissions, or leave it out of the model",
            "",
            is_unread=True,
        ),
        ScanRule(
            "not-examined",
            _MEDIUM,
            "nothing here can read this content, so nothing is said of it",
            "remove what the model does not need, or check it by other means",
            "",
            is_unread=True,
        ),
    )
}
