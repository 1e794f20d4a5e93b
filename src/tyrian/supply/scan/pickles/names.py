"""What a pickle imports, by whichever opcode it names it."""

from tyrian.supply.scan.finding import Collector
from tyrian.supply.scan.pickles.allow import GUARDED, is_allowed, resolved
from tyrian.supply.scan.pickles.explain import danger_of
from tyrian.supply.scan.pickles.operands import Operands, words_of
from tyrian.supply.scan.pickles.stream import Broken
from tyrian.supply.scan.pickles.value import Ref
from tyrian.supply.scan.source import Source

_UNKNOWN = "models do not need it, and importing or calling it may do anything"


class Names(Operands):
    """Every import is judged where it stands."""

    def __init__(
        self, source: Source, report: Collector, start: int, *, is_torch_script: bool
    ) -> None:
        super().__init__(source, report, start)
        self._is_torch_script = is_torch_script
        self.last_ref: Ref | None = None

    def _name(self, module: bytes, name: bytes) -> None:
        try:
            words = module.decode(), name.decode()
        except UnicodeDecodeError:
            raise Broken("names something in broken UTF-8") from None
        self.last_ref = ref = self._judged(*resolved(*words, self._protocol))
        self._stack.append(ref)

    def _judged(self, module: str, name: str) -> Ref:
        if (module, name) in GUARDED:
            return Ref(module, name, is_guarded=True)
        if is_allowed(module, name):
            return Ref(module, name)
        if self._is_torch_script and module.split(".")[0] == "__torch__":
            return Ref(module, name)
        ref = Ref(module, name)
        if danger := danger_of(module, name):
            self._add("pickle-dangerous-global", words_of(ref, danger))
        else:
            self._add("pickle-unknown-global", words_of(ref, _UNKNOWN))
        return ref

    def _global(self, position: int) -> int:
        module, position = self._line(position + 1)
        name, position = self._line(position)
        self._name(module, name)
        return position

    def _stack_global(self, position: int) -> int:
        name, module = self._pop(), self._pop()
        if isinstance(name, bytes) and isinstance(module, bytes):
            self._name(module, name)
        else:
            self._add(
                "pickle-computed-name",
                "the name of what it imports is no text of the file but something it has made",
            )
            self._stack.append(Ref("", ""))
        return position + 1

    def _extension(self, position: int) -> int:
        width = {0x82: 1, 0x83: 2, 0x84: 4}[self._buffer[position]]
        code = int.from_bytes(self._buffer[position + 1 : position + 1 + width], "little")
        self._add("pickle-extension-code", f"takes number {code} of the extension registry")
        self._stack.append(Ref("copyreg", "extension"))
        return position + 1 + width
