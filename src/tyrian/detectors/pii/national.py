"""National identity and tax numbers: shapes, context words, and python-stdnum's validators.

A shape is the digit groups with what stands between them: `3-2-4` is `ddd-dd-dddd`, `11` eleven
digits in a row.
"""

from collections.abc import Callable
from dataclasses import dataclass

from stdnum.ar import cuit
from stdnum.at import vnr
from stdnum.au import tfn
from stdnum.be import nn
from stdnum.bg import egn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.ch import ssn as ch_ssn
from stdnum.cl import rut
from stdnum.cn import ric
from stdnum.cz import rc
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.ee import ik
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.gr import amka
from stdnum.hr import oib
from stdnum.ie import pps
from stdnum.il import idnr as il_idnr
from stdnum.in_ import aadhaar, pan
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.lt import asmens
from stdnum.mx import curp
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.nz import ird
from stdnum.pl import pesel
from stdnum.ro import cnp
from stdnum.se import personnummer
from stdnum.th import pin
from stdnum.tr import tckimlik
from stdnum.us import itin
from stdnum.za import idnr as za_idnr

from tyrian.detectors.pii import checksums

Validate = Callable[[str], bool]

_ANYWHERE = (
    "national id",
    "identity number",
    "identity card",
    "id number",
    "id card",
    "social security",
    "tax id",
    "tax number",
    "insurance number",
    "personal number",
    "citizen",
)


@dataclass(frozen=True, slots=True)
class NationalId:
    """One country's number."""

    name: str
    """Ends the rule id, `pii.national-id.<name>`."""
    what: str
    validate: Validate
    shapes: tuple[str, ...] = ()
    """Digit shapes that alone say little: they count where a context word stands near."""
    strong: tuple[str, ...] = ()
    """Digit shapes that count by themselves."""
    pattern: str = ""
    """For numbers with letters in them."""
    words: tuple[str, ...] = ()
    needs_words: bool = False
    """The pattern alone says little."""
    score: float = 0.85
    may_be: checksums.MayBe | None = None
    """A quick look, False only where `validate` would be."""

    @property
    def country(self) -> str:
        """Its code, lower case."""
        return self.name.partition("-")[0]

    @property
    def context(self) -> tuple[str, ...]:
        """Words that make a weak number count."""
        return (*self.words, *_ANYWHERE)


NATIONAL_IDS: tuple[NationalId, ...] = (
    NationalId(
        "us-ssn",
        "US social security number",
        checksums.is_ssn,
        ("9", "3 2 4"),
        ("3-2-4",),
        words=("ssn", "social security"),
    ),
    NationalId(
        "us-itin",
        "US taxpayer number",
        itin.is_valid,
        ("9", "3 2 4"),
        ("3-2-4",),
        words=("itin", "taxpayer"),
        may_be=checksums.may_be_itin,
    ),
    NationalId(
        "gb-nhs",
        "UK NHS number",
        nhs.is_valid,
        ("10", "3 3 4", "3-3-4"),
        words=("nhs", "health service"),
    ),
    NationalId(
        "gb-nino",
        "UK national insurance number",
        lambda value: True,
        pattern=r"[ABCEGHJ-PRSTW-Z][ABCEGHJ-NPRSTW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]",
        score=0.8,
    ),
    NationalId(
        "de-idnr",
        "German tax id",
        idnr.is_valid,
        ("11",),
        ("2 3 3 3",),
        words=("steuer", "idnr", "tin", "identifikationsnummer"),
        score=0.75,
        may_be=checksums.may_be_idnr,
    ),
    NationalId(
        "fr-nir",
        "French social security number",
        nir.is_valid,
        (),
        ("15", "1 2 2 2 3 3 2", "1 2 2 2 3 3", "13 2"),
        pattern=r"[12] ?\d\d ?\d\d ?2[AB] ?\d{3} ?\d{3} ?\d\d",
        score=0.85,
        may_be=checksums.may_be_nir,
    ),
    NationalId(
        "es-dni",
        "Spanish DNI",
        dni.is_valid,
        pattern=r"\d{8}-?[A-Z]",
        score=0.65,
        may_be=checksums.may_be_dni,
    ),
    NationalId(
        "es-nie",
        "Spanish NIE",
        nie.is_valid,
        pattern=r"[XYZ]-?\d{7}-?[A-Z]",
        score=0.75,
        may_be=checksums.may_be_nie,
    ),
    NationalId(
        "it-codice-fiscale",
        "Italian codice fiscale",
        codicefiscale.is_valid,
        pattern=r"[A-Z]{6}[\dLMNP-V]{2}[A-EHLMPR-T][\dLMNP-V]{2}[A-Z][\dLMNP-V]{3}[A-Z]",
        score=0.95,
    ),
    NationalId(
        "nl-bsn",
        "Dutch BSN",
        bsn.is_valid,
        ("9", "4.2.3", "4 2 3", "3 3 3", "3.3.3"),
        words=("bsn", "burgerservice", "sofi"),
    ),
    NationalId(
        "br-cpf",
        "Brazilian CPF",
        cpf.is_valid,
        ("11",),
        ("3.3.3-2",),
        words=("cpf",),
        may_be=checksums.may_be_cpf,
    ),
    NationalId(
        "in-aadhaar",
        "Indian Aadhaar",
        aadhaar.is_valid,
        ("12", "4 4 4", "4-4-4"),
        words=("aadhaar", "aadhar", "uidai"),
        score=0.7,
    ),
    NationalId(
        "in-pan",
        "Indian PAN",
        pan.is_valid,
        pattern=r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]",
        score=0.6,
    ),
    NationalId(
        "ca-sin",
        "Canadian SIN",
        sin.is_valid,
        ("9", "3 3 3", "3-3-3"),
        words=("sin", "social insurance"),
    ),
    NationalId(
        "au-tfn",
        "Australian tax file number",
        tfn.is_valid,
        ("9", "8", "3 3 3", "3 3 2"),
        words=("tfn", "tax file"),
    ),
    NationalId(
        "nz-ird",
        "New Zealand IRD number",
        ird.is_valid,
        ("8", "9", "2-3-3", "3-3-3"),
        words=("ird", "inland revenue"),
    ),
    NationalId("pl-pesel", "Polish PESEL", pesel.is_valid, ("11",), words=("pesel",)),
    NationalId(
        "se-personnummer",
        "Swedish personnummer",
        personnummer.is_valid,
        ("10", "12"),
        ("6-4", "8-4"),
        words=("personnummer", "personal identity"),
        score=0.7,
        may_be=checksums.may_be_personnummer,
    ),
    NationalId("dk-cpr", "Danish CPR number", cpr.is_valid, ("6-4", "10"), words=("cpr",)),
    NationalId(
        "no-fodselsnummer",
        "Norwegian birth number",
        fodselsnummer.is_valid,
        ("11", "6 5"),
        words=("fødselsnummer", "fodselsnummer", "fnr", "personnummer"),
    ),
    NationalId(
        "fi-hetu",
        "Finnish HETU",
        hetu.is_valid,
        pattern=r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]",
        score=0.75,
        may_be=checksums.may_be_hetu,
    ),
    NationalId(
        "ch-ahv",
        "Swiss AHV number",
        ch_ssn.is_valid,
        ("13",),
        ("3.4.4.2",),
        words=("ahv", "avs"),
        may_be=checksums.may_be_ahv,
    ),
    NationalId(
        "at-vnr",
        "Austrian insurance number",
        vnr.is_valid,
        ("10", "4 6", "4 2 2 2"),
        words=("svnr", "sozialversicherung"),
    ),
    NationalId(
        "be-nn",
        "Belgian national number",
        nn.is_valid,
        ("11",),
        ("2.2.2-3.2",),
        words=("rijksregister", "registre national"),
        may_be=checksums.may_be_nn,
    ),
    NationalId(
        "cn-ric",
        "Chinese resident id",
        ric.is_valid,
        (),
        ("18",),
        pattern=r"\d{17}X",
        score=0.85,
        may_be=checksums.may_be_ric,
    ),
    NationalId(
        "kr-rrn",
        "Korean registration number",
        rrn.is_valid,
        ("13",),
        ("6-7",),
        words=("rrn", "resident registration"),
        may_be=checksums.may_be_rrn,
    ),
    NationalId(
        "mx-curp",
        "Mexican CURP",
        curp.is_valid,
        pattern=r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z\d]\d",
        score=0.9,
        may_be=checksums.may_be_curp,
    ),
    NationalId(
        "ar-cuit",
        "Argentine CUIT",
        cuit.is_valid,
        ("11",),
        ("2-8-1",),
        words=("cuit", "cuil"),
        may_be=checksums.may_be_cuit,
    ),
    NationalId(
        "cl-rut",
        "Chilean RUT",
        rut.is_valid,
        ("8-1",),
        ("2.3.3-1", "1.3.3-1"),
        pattern=r"\d{1,2}\.\d{3}\.\d{3}-K",
        words=("rut", "run"),
        may_be=checksums.may_be_rut,
    ),
    NationalId(
        "tr-tckn",
        "Turkish identity number",
        tckimlik.is_valid,
        ("11",),
        words=("tckn", "kimlik", "tc no"),
    ),
    NationalId(
        "za-id",
        "South African id",
        za_idnr.is_valid,
        ("13", "6 4 2 1"),
        words=("sa id", "rsa id", "south african id"),
    ),
    NationalId(
        "ie-pps",
        "Irish PPS number",
        pps.is_valid,
        pattern=r"\d{7}[A-W][AHWTX]?",
        words=("pps", "ppsn"),
        needs_words=True,
    ),
    NationalId("ro-cnp", "Romanian CNP", cnp.is_valid, ("13",), words=("cnp",)),
    NationalId(
        "cz-rc",
        "Czech or Slovak birth number",
        rc.is_valid,
        ("10",),
        ("6/4", "6/3"),
        words=("rodné", "rodne", "birth number"),
        score=0.65,
        may_be=checksums.may_be_rc,
    ),
    NationalId("bg-egn", "Bulgarian EGN", egn.is_valid, ("10",), words=("egn", "егн")),
    NationalId("hr-oib", "Croatian OIB", oib.is_valid, ("11",), words=("oib",)),
    NationalId("gr-amka", "Greek AMKA", amka.is_valid, ("11",), words=("amka", "αμκα")),
    NationalId(
        "il-id", "Israeli identity number", il_idnr.is_valid, ("9",), words=("teudat", "israeli id")
    ),
    NationalId(
        "lt-ee-code",
        "Lithuanian or Estonian personal code",
        lambda value: asmens.is_valid(value) or ik.is_valid(value),
        ("11",),
        words=("asmens", "isikukood"),
    ),
    NationalId(
        "th-pin",
        "Thai identity number",
        pin.is_valid,
        ("13",),
        ("1-4-5-2-1", "1 4 5 2 1"),
        words=("thai id",),
        may_be=checksums.may_be_pin,
    ),
)
"""All numbers, in the order in which they are tried."""


def load_tables() -> None:
    """Run every validator once, so that no scan has to read its tables."""
    for number in NATIONAL_IDS:
        number.validate("000000000000000000")
