"""Writes what a program is made of: its SBOM (CycloneDX 1.6, JSON), and the licences of all crates in it.

    inventory.py FEATURE FOLDER

FEATURE is the feature of the crate snapferry that the program is built with. Cargo itself says which crates that links.
"""

import collections
import json
import pathlib
import subprocess
import sys

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

PRODUCT = "snapferry"
TEXTS = ("LICENSE*", "LICENCE*", "license*", "COPYING*", "NOTICE*", "UNLICENSE*")


def cargo(*words):
    return subprocess.run(["cargo", *words], check=True, capture_output=True, text=True).stdout


def linked(feature):
    """The names and versions of the crates that are linked. Procedural macros only run in the compiler."""
    lines = cargo("tree", "--locked", "-p", PRODUCT, "--no-default-features", "--features", feature,
                  "-e", "normal,no-proc-macro", "--prefix", "none", "-f", "{p}").splitlines()
    pairs = (line.removesuffix(" (*)").split(" ") for line in lines if line)
    return {(words[0], words[1].removeprefix("v")) for words in pairs}


def texts(package):
    """The files of a crate that are its licence."""
    folder = pathlib.Path(package["manifest_path"]).parent
    found = {path for pattern in TEXTS for path in folder.glob(pattern) if path.is_file()}
    return [path.read_text(encoding="utf-8", errors="replace").strip() for path in sorted(found)]


def component(package, kind):
    licence = package["license"]
    return Component(
        name=package["name"],
        version=package["version"],
        type=kind,
        bom_ref=f"{package['name']}@{package['version']}",
        purl=PackageURL("cargo", name=package["name"], version=package["version"]),
        licenses=[LicenseFactory().make_with_expression(licence.replace("/", " OR "))] if licence else [],
    )


def main():
    feature, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    crates = linked(feature)
    packages = json.loads(cargo("metadata", "--locked", "--format-version", "1"))["packages"]
    packages = [package for package in packages if (package["name"], package["version"]) in crates]
    missing = crates - {(package["name"], package["version"]) for package in packages}
    if missing:
        sys.exit(f"cargo's metadata lack {missing}")

    bom = Bom()
    parts = [package for package in packages if package["name"] != PRODUCT]
    product = next(package for package in packages if package["name"] == PRODUCT)
    bom.metadata.component = component(product, ComponentType.APPLICATION)
    for package in parts:
        bom.components.add(component(package, ComponentType.LIBRARY))
    bom.register_dependency(bom.metadata.component, bom.components)
    # A serial number and a time of its own would make each release another.
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    document.pop("serialNumber", None)
    document["metadata"].pop("timestamp", None)
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault:
        sys.exit(f"the SBOM does not follow its schema: {fault}")
    (folder / f"sbom-{feature}.cdx.json").write_text(text)

    users = collections.defaultdict(list)
    without = []
    for package in parts:
        name = f"{package['name']} {package['version']} ({package['license'] or 'see its file'})"
        its_texts = texts(package)
        for its_text in its_texts:
            users[its_text].append(name)
        if not its_texts:
            if not package["license"]:
                sys.exit(f"{name} names no licence and brings no text of one")
            without.append(name)
    page = [f"What {PRODUCT} with the feature {feature} contains of other people's, and under which licences.\n"]
    if without:
        page.append("These crates name a licence and bring no text of it:\n\n" + "\n".join(sorted(without)) + "\n")
    for its_text, names in sorted(users.items(), key=lambda pair: sorted(pair[1])):
        page.append("-" * 100 + "\n" + "\n".join(sorted(names)) + "\n\n" + its_text + "\n")
    (folder / f"THIRD-PARTY-LICENSES-{feature}.txt").write_text("\n".join(page))


main()
