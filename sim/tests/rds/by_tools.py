"""Drives the RDS service with unmodified tools: the AWS CLI, and cloud-custodian's snapshot and region-copy.
Prints what they made for the test that runs it."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

url, source, home, home_key = sys.argv[1:]
folder = pathlib.Path(tempfile.mkdtemp())
tools = pathlib.Path(sys.executable).parent
environment = {
    **os.environ,
    # Custodian asks who it is, and goes on without an answer.
    "AWS_ENDPOINT_URL": url,
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_DEFAULT_REGION": source,
}


def run(*command):
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120)
    if done.returncode:
        sys.exit(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def aws(*arguments, region=source):
    out = run(sys.executable, "-m", "awscli", "rds", *arguments, "--region", region, "--output", "json")
    return json.loads(out) if out else None


def custodian(*policies):
    file = folder / "policies.json"
    file.write_text(json.dumps({"policies": policies}))
    run(tools / "custodian", "run", "--region", source, "--output-dir", folder, "--cache-period", "0", file)


def snapshots(region):
    listed = aws("describe-db-snapshots", "--snapshot-type", "manual", region=region)["DBSnapshots"]
    return {one["DBSnapshotIdentifier"]: one for one in listed}


# The AWS CLI: take, wait, copy with a URL that it signs for the source region, wait, list by page.
taken = aws(
    "create-db-snapshot", "--db-instance-identifier", "secret", "--db-snapshot-identifier", "cli",
    "--tags", "Key=team,Value=shop",
)["DBSnapshot"]
aws("wait", "db-snapshot-available", "--db-snapshot-identifier", "cli")
copied = aws(
    "copy-db-snapshot", "--source-region", source, "--source-db-snapshot-identifier", taken["DBSnapshotArn"],
    "--target-db-snapshot-identifier", "cli-copy", "--kms-key-id", home_key, "--copy-tags",
    region=home,
)["DBSnapshot"]
assert copied["SourceRegion"] == source, copied
aws("wait", "db-snapshot-available", "--db-snapshot-identifier", "cli-copy", region=home)
names = aws("describe-db-instances", "--page-size", "20", "--query", "DBInstances[].DBInstanceIdentifier")
assert {"orders", "secret"} <= set(names), names

# Cloud-custodian: the action snapshot of an instance, and the action region-copy of its snapshot.
secret = {"type": "value", "key": "DBInstanceIdentifier", "value": "secret"}
custodian({
    "name": "take", "resource": "rds", "filters": [secret],
    "actions": ["snapshot"],
})
made = [name for name in snapshots(source) if name != "cli"]
assert len(made) == 1, made
aws("wait", "db-snapshot-available", "--db-snapshot-identifier", made[0])
custodian({
    "name": "carry", "resource": "rds-snapshot",
    "filters": [{"type": "value", "key": "DBSnapshotIdentifier", "value": made[0]}],
    "actions": [{"type": "region-copy", "target_region": home, "target_key": home_key, "copy_tags": True}],
})
print(json.dumps({
    "taken": sorted(snapshots(source)),
    "copied": {name: [one["SourceDBSnapshotIdentifier"], one["KmsKeyId"]] for name, one in snapshots(home).items()},
}))
