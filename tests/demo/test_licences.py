from __future__ import annotations

import pytest

from perdure.demo.licences import kind_of, licence_in, licence_of
from perdure.demo.packages import Package


def package(**stated: object) -> Package:
    return Package("thing", "1.0", "/site", None, 0, **stated)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("licence", "kind"),
    [
        ("MIT", "permissive"),
        ("", "missing"),
        ("GPL-3.0-or-later", "copyleft"),
        ("GNU Affero General Public License v3", "copyleft"),
        ("LGPL-2.1-only", "weak copyleft"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "weak copyleft"),
        ("MIT OR GPL-3.0-only", "permissive"),
        ("MIT AND GPL-3.0-only", "copyleft"),
        ("GPL-2.0-only AND (MIT OR BSD-3-Clause)", "copyleft"),
        ("(MIT OR GPL-2.0-only) AND MPL-2.0", "weak copyleft"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "weak copyleft"),
    ],
)
def test_a_licence_asks_what_its_words_say(licence: str, kind: str) -> None:
    assert kind_of(licence) == kind


def test_the_expression_goes_before_the_older_fields() -> None:
    classifiers = ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)",)
    assert licence_of(package(expression="MIT", licence="BSD", classifiers=classifiers)) == "MIT"
    assert licence_of(package(licence="BSD", classifiers=classifiers)) == "BSD"
    assert licence_of(package(licence="UNKNOWN", classifiers=classifiers)) == "GNU General Public License v3 (GPLv3)"
    assert licence_of(package()) == ""


def test_a_whole_licence_in_the_metadata_is_told_by_its_name() -> None:
    text = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software"
    assert licence_of(package(licence=text)) == "MIT"
    assert licence_of(package(licence="w" * 100)) == "w" * 59 + "…"


def test_well_known_words_name_a_licence_file() -> None:
    assert licence_in("                    GNU GENERAL PUBLIC LICENSE\n Version 3") == "GPL"
    assert licence_in("All rights reserved.") == ""
