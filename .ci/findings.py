"""Holds the findings of checkov and parliament against those that are accepted, each with a reason, in .ci/accepted.toml.

    findings.py checkov CHECKOV          the templates and the Terraform module, with the program CHECKOV
    findings.py parliament IAM-TABLE     the roles' policies, which the tests of the deployment write without intrinsics

It fails on a finding that is not accepted, and on an accepted one that no longer occurs.
"""

import json
import pathlib
import subprocess
import sys
import tomllib

ACCEPTED = pathlib.Path(".ci/accepted.toml")


def of_checkov(program):
    """Each finding as its check and `FILE:RESOURCE`, and what the check says."""
    found = {}
    for arguments in (
        ["-f", "template.yaml", "source-region.yaml", "restore.yaml", "report.yaml", "--framework", "cloudformation"],
        ["-d", "terraform", "--framework", "terraform"],
    ):
        # Without a network it would retry to download texts about the checks.
        done = subprocess.run([program, *arguments, "--compact", "--quiet", "--skip-download", "-o", "json"],
                              capture_output=True, text=True)
        if done.returncode not in (0, 1):
            sys.exit(f"checkov failed: {done.stderr}")
        report = json.loads(done.stdout)
        if report["summary"]["parsing_errors"] or not report["summary"]["resource_count"]:
            sys.exit(f"checkov could not read {arguments}: {report['summary']}")
        for one in report["results"]["failed_checks"]:
            place = f"{one['file_path'].lstrip('/')}:{one['resource'].split('.', 1)[-1]}"
            found[one["check_id"], place] = one["check_name"]
    return found


def of_parliament(table):
    """Each finding as its issue and `ROLE: ACTION`, or what parliament says of it."""
    from parliament import analyze_policy_string, enhance_finding

    found = {}
    deployments = json.loads(pathlib.Path(table).read_text())["deployments"]
    for roles in (deployment["roles"] for deployment in deployments):
        for role, statements in roles.items():
            policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
            for finding in map(enhance_finding, analyze_policy_string(policy).findings):
                detail = finding.detail
                whats = [one["action"] for one in detail] if isinstance(detail, list) else [str(detail)]
                for what in whats:
                    found[finding.issue, f"{role}: {what}"] = finding.title
    return found


def main():
    tool, argument = sys.argv[1:]
    found = {"checkov": of_checkov, "parliament": of_parliament}[tool](argument)
    rows = tomllib.loads(ACCEPTED.read_text())[tool]
    accepted = {(row["check"], place) for row in rows for place in row["places"] if row["reason"]}
    for check, place in sorted(found.keys() - accepted):
        print(f"{tool}: {check} of {place}: {found[check, place]}", file=sys.stderr)
    for check, place in sorted(accepted - found.keys()):
        print(f"{tool}: {check} of {place} is accepted in {ACCEPTED} and no longer occurs", file=sys.stderr)
    if found.keys() != accepted:
        sys.exit(1)
    print(f"{tool}: {len(found)} findings, each accepted with a reason")


main()
