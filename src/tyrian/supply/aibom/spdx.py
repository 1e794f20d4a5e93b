"""An inventory as SPDX 3.0.1 in JSON-LD, with the profiles for AI and datasets.

SPDX wants a time of creation, so that one must be given here. What a profile wants and nobody told
is left out, and the document then does not claim that profile: nothing is made up.
Source: https://spdx.github.io/spdx-spec/v3.0.1/
"""

import hashlib
from collections.abc import Iterable, Mapping

import tyrian
from tyrian.supply.aibom.architecture import task_of
from tyrian.supply.aibom.component import present
from tyrian.supply.aibom.document import Json
from tyrian.supply.aibom.licence import expression_of
from tyrian.supply.aibom.parts import (
    Ancestor,
    DataPart,
    FilePart,
    GuardPart,
    Inventory,
    ModelPart,
    PackagePart,
    TrainingPart,
    all_data,
)
from tyrian.supply.aibom.spdx_values import (
    HUB,
    claimed,
    download_of,
    entries_of,
    hashes_of,
    lines_of,
    metric_of,
    purl_of,
)

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
SPEC_VERSION = "3.0.1"
_INFO = "_:creation"
_NO_LICENCE = "expandedlicensing_NoAssertionLicense"
_UNKNOWN = "NOASSERTION"
_PROFILES = ("core", "software", "simpleLicensing")


def as_spdx(inventory: Inventory, time: str) -> Json:
    """The document; `time` is ISO 8601 in UTC, to the second."""
    return _Writer(inventory, time).document()


class _Writer:
    """Elements as they are made; each has an IRI below one that comes of the inventory."""

    def __init__(self, inventory: Inventory, time: str) -> None:
        self._inventory = inventory
        self._time = time
        content = hashlib.sha256(repr(inventory).encode("utf-8", "replace")).hexdigest()
        self._space = f"urn:tyrian:spdx:{content[:32]}:"
        self._elements: dict[str, Json] = {}
        self._links: dict[tuple[str, str], set[str]] = {}
        self._licences: dict[str, str] = {}

    def document(self) -> Json:
        """All elements in the order of their IRIs."""
        inventory = self._inventory
        system = self._system()
        self._models(inventory.models)
        self._guards(inventory.guards, system)
        self._data(all_data(inventory))
        self._packages(inventory.packages)
        for one in inventory.configurations:
            self._link("contains", system, self._file("configuration", one))
        for service in inventory.services:
            told = {"software_primaryPurpose": "application", "comment": "a model server"}
            if service.revision:
                told["software_packageVersion"] = service.revision
            named = {"name": service.name, **told}
            self._link("dependsOn", system, self._add(service.ref, "software_Package", named))
        for training in inventory.trainings:
            self._training(training)
        guarded = {ref for guard in inventory.guards for ref in guard.weights}
        for model in inventory.models:
            if model.ref not in guarded:
                self._link("dependsOn", system, self._iri(model.ref))
        self._write_links()
        agent = self._add("agent:tyrian", "SoftwareAgent", {"name": f"tyrian {tyrian.__version__}"})
        elements = [self._elements[iri] for iri in sorted(self._elements)]
        whole = {
            "type": "SpdxDocument",
            "spdxId": f"{self._space}document",
            "creationInfo": _INFO,
            "name": inventory.name,
            "profileConformance": sorted({*_PROFILES, *claimed(elements)}),
            "rootElement": [system],
            "element": [one["spdxId"] for one in elements],
        }
        creation = {
            "type": "CreationInfo",
            "@id": _INFO,
            "specVersion": SPEC_VERSION,
            "created": self._time,
            "createdBy": [agent],
        }
        return {"@context": CONTEXT, "@graph": [creation, *elements, whole]}

    def _iri(self, ref: str) -> str:
        return self._space + hashlib.sha256(ref.encode("utf-8", "replace")).hexdigest()[:24]

    def _add(self, ref: str, kind: str, told: Mapping[str, object]) -> str:
        iri = self._iri(ref)
        head = {"type": kind, "spdxId": iri, "creationInfo": _INFO}
        self._elements.setdefault(iri, {**head, **present(told)})
        return iri

    def _link(self, kind: str, start: str, end: str) -> None:
        self._links.setdefault((kind, start), set()).add(end)

    def _write_links(self) -> None:
        for (kind, start), ends in sorted(self._links.items()):
            told = {"from": start, "to": sorted(ends), "relationshipType": kind}
            self._add(f"{kind} {start}", "Relationship", told)

    def _system(self) -> str:
        inventory = self._inventory
        told = {
            "name": inventory.name,
            "software_packageVersion": inventory.version,
            "software_primaryPurpose": "application",
            "comment": lines_of(inventory.notes),
        }
        return self._add(inventory.ref, "software_Package", told)

    def _supplier(self, repository: str) -> str:
        owner = repository.partition("/")[0] if repository else ""
        return self._add(f"agent:{owner}", "Organization", {"name": owner or _UNKNOWN})

    def _licence(self, start: str, licence: str) -> None:
        """The profile wants one declared and one concluded; nobody here concludes any."""
        expression = expression_of(licence)
        declared = _NO_LICENCE
        if expression:
            told = {"simplelicensing_licenseExpression": expression}
            if expression.startswith("LicenseRef-"):
                told["comment"] = f"written as {licence[:200]!r}"
            kind = "simplelicensing_LicenseExpression"
            declared = self._add(f"licence:{expression}", kind, told)
        self._link("hasDeclaredLicense", start, declared)
        self._link("hasConcludedLicense", start, _NO_LICENCE)

    def _models(self, models: Iterable[ModelPart]) -> None:
        for model in models:
            iri = self._add(model.ref, "ai_AIPackage", self._model(model))
            self._licence(iri, model.licence)
            for file in model.files:
                self._link("contains", iri, self._file(model.ref, file))
            for name in model.card.datasets:
                self._link("trainedOn", iri, self._named_data(name))
            for ancestor in model.ancestors:
                self._link("descendantOf", iri, self._ancestor(ancestor))

    def _model(self, model: ModelPart) -> Json:
        card, network = model.card, model.architecture
        kinds = [one for one in (network.family, network.name) if one]
        risks = [f"{title}: {text}" for title, text in card.risks]
        return {
            "name": model.name,
            "software_packageVersion": model.version or _UNKNOWN,
            "software_primaryPurpose": "model",
            "software_packageUrl": purl_of(model.repository, model.commit),
            "software_downloadLocation": download_of(model.repository, model.commit),
            "suppliedBy": self._supplier(model.repository),
            "verifiedUsing": hashes_of(model.digest),
            "ai_typeOfModel": kinds or [_UNKNOWN],
            "ai_domain": [one for one in (card.task or task_of(network.name),) if one],
            "ai_hyperparameter": entries_of(network.facts),
            "ai_metric": [metric_of(one) for one in card.metrics],
            "ai_limitation": "\n".join([*card.limitations, *risks]),
            "ai_informationAboutApplication": "\n".join((*card.users, *card.uses)),
            "comment": lines_of(model.notes),
        }

    def _ancestor(self, one: Ancestor) -> str:
        """A model that is known by its name; the one that is here where the digest says so."""
        for model in self._inventory.models:
            is_same = one.digest and model.digest == one.digest
            if is_same or (one.repository and model.repository == one.repository):
                return self._iri(model.ref)
        part = ModelPart(
            name=one.name, repository=one.repository, commit=one.commit, digest=one.digest
        )
        ref = f"ancestor:{one.name}@{one.commit or one.digest}"
        iri = self._add(ref, "ai_AIPackage", self._model(part))
        self._licence(iri, "")
        return iri

    def _named_data(self, name: str) -> str:
        for one in self._inventory.data:
            if one.name == name:
                return self._iri(one.ref)
        part = DataPart(name=name, digest="", repository=name if name.count("/") == 1 else "")
        self._data([part])
        return self._iri(part.ref)

    def _data(self, parts: Iterable[DataPart]) -> None:
        for one in parts:
            agent = self._supplier(one.repository)
            told = {
                "name": one.name,
                "software_primaryPurpose": "data",
                "software_downloadLocation": f"{HUB}datasets/{one.repository}"
                if one.repository
                else "",
                "originatedBy": [agent],
                "verifiedUsing": hashes_of(one.digest),
                "dataset_datasetType": ["noAssertion"],
                "dataset_dataCollectionProcess": "; ".join(one.sources),
                "comment": lines_of({**one.notes, "rows": str(one.rows) if one.rows >= 0 else ""}),
            }
            iri = self._add(one.ref, "dataset_DatasetPackage", told)
            self._licence(iri, " AND ".join(filter(None, map(expression_of, one.licences))))
            for file in one.files:
                self._link("contains", iri, self._file(one.ref, file))

    def _file(self, above: str, file: FilePart) -> str:
        told = {"name": file.path, "verifiedUsing": hashes_of(f"sha256:{file.sha256}")}
        return self._add(f"{above}#{file.path}", "software_File", told)

    def _packages(self, packages: tuple[PackagePart, ...]) -> None:
        refs = {one.name: one.ref for one in packages}
        needed = {need for one in packages for need in one.needs}
        system = self._iri(self._inventory.ref)
        for one in packages:
            told = {
                "name": one.name,
                "software_packageVersion": one.version,
                "software_primaryPurpose": "library",
                "software_packageUrl": one.purl,
                "software_homePage": one.urls.get("homepage", ""),
                "verifiedUsing": hashes_of(one.digest),
                "summary": one.summary,
            }
            iri = self._add(one.ref, "software_Package", told)
            self._licence(iri, one.licence)
            if one.name not in needed:
                self._link("dependsOn", system, iri)
            for need in filter(refs.__contains__, one.needs):
                self._link("dependsOn", iri, self._iri(refs[need]))

    def _guards(self, guards: Iterable[GuardPart], system: str) -> None:
        for one in guards:
            told = {
                "name": f"guard {one.stage}/{one.name}",
                "software_packageVersion": one.revision or _UNKNOWN,
                "software_primaryPurpose": "module",
                "verifiedUsing": hashes_of(one.digest),
                "comment": lines_of({**one.notes, "kind": one.kind, "backend": one.backend}),
            }
            iri = self._add(one.ref, "software_Package", told)
            self._link("dependsOn", system, iri)
            for ref in one.weights:
                self._link("dependsOn", iri, self._iri(ref))

    def _training(self, one: TrainingPart) -> None:
        model = self._elements.get(self._iri(one.model))
        if model is None:
            return
        about = {"attestation": f"{one.name} ({one.digest})", "code commit": one.commit}
        model["ai_informationAboutTraining"] = lines_of(about)
        if one.finished:
            model["builtTime"] = model["releaseTime"] = one.finished
        given = [*model.get("ai_hyperparameter", ()), *entries_of(one.parameters)]
        if given:
            model["ai_hyperparameter"] = given
        known = {part.digest: part.ref for part in all_data(self._inventory) if part.digest}
        for part in one.datasets:
            self._link("trainedOn", model["spdxId"], self._iri(known.get(part.digest, part.ref)))
        if one.base:
            self._link("descendantOf", model["spdxId"], self._ancestor(one.base))
