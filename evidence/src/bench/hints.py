"""The reactor as one would write it over boto3: the yardstick of the benchmark.

It makes the product's calls: one BatchGetItem for the waits of a batch, one DescribeDBSnapshots a region for
twenty of them, and for each snapshot that is good SendTaskSuccess and DeleteItem. Clients are made at start, as
AWS advises. The callbacks follow one another: a pool of threads would shorten the wait for the network and cost more
processor time. It logs nothing, unlike the product, which is to its advantage.
"""

import json
import os

import boto3
from botocore.config import Config

TABLE = os.environ["SNAPFERRY_TABLE"]
STACK = os.environ["SNAPFERRY_STACK_ID"]
WIDTH = 20
FINISHED = {"RDS-EVENT-0042", "RDS-EVENT-0060", "RDS-EVENT-0197", "RDS-EVENT-0075", "RDS-EVENT-0091", "RDS-EVENT-0169"}

CONFIG = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
dynamodb = boto3.client("dynamodb", config=CONFIG)
step_functions = boto3.client("stepfunctions", config=CONFIG)
rds_of = {
    region: boto3.client("rds", region_name=region, config=CONFIG)
    for region in os.environ["SNAPFERRY_SOURCE_REGIONS"].split(",")
}


def react(event, context):
    hinted = {}
    failed = []
    for record in event["Records"]:
        try:
            body = json.loads(record["body"])
            if body["source"] == "aws.rds" and body["detail"]["EventID"] in FINISHED:
                hinted.setdefault(body["detail"]["SourceArn"], []).append(record["messageId"])
        except (KeyError, ValueError):
            failed.append(record["messageId"])
    waits = look_up(list(hinted))
    by_region = {}
    for arn, wait in waits.items():
        by_region.setdefault(arn.split(":")[3], []).append((arn, wait))
    for region, of_region in by_region.items():
        for start in range(0, len(of_region), WIDTH):
            group = of_region[start : start + WIDTH]
            truth = describe(region, [arn for arn, _ in group])
            for arn, wait in group:
                if not settle(wait, truth.get(arn)):
                    failed.extend(hinted[arn])
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def look_up(arns):
    if not arns:
        return {}
    keys = [{"pk": {"S": "wait#" + arn}} for arn in arns]
    answer = dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": keys, "ConsistentRead": True}})
    if answer.get("UnprocessedKeys"):
        raise RuntimeError("DynamoDB leaves keys unprocessed")
    return {item["pk"]["S"].removeprefix("wait#"): item for item in answer["Responses"][TABLE]}


def describe(region, arns):
    ids = [arn.rsplit(":", 1)[1] for arn in arns]
    answer = rds_of[region].describe_db_snapshots(
        Filters=[{"Name": "db-snapshot-id", "Values": ids}], MaxRecords=100
    )
    return {snapshot["DBSnapshotArn"]: snapshot for snapshot in answer["DBSnapshots"]}


def settle(wait, snapshot):
    if snapshot is None or snapshot["Status"] != "available":
        return False
    tags = {tag["Key"]: tag["Value"] for tag in snapshot.get("TagList", [])}
    run = json.loads(wait["run"]["S"])
    database = run["database"]
    if tags.get("snapferry:stack") != STACK or tags.get("snapferry:resource-id") != database["resource_id"]:
        return False
    token = wait["token"]["S"]
    manifest = {
        "schema": 1,
        "step": wait["step"]["S"],
        "snapshot": snapshot["DBSnapshotArn"],
        "database": database["arn"],
        "resource_id": database["resource_id"],
        "engine": snapshot["Engine"],
        "engine_version": snapshot["EngineVersion"],
        "size_gib": snapshot["AllocatedStorage"],
        "taken_at": snapshot["OriginalSnapshotCreateTime"].isoformat(),
    }
    step_functions.send_task_success(taskToken=token, output=json.dumps(manifest))
    dynamodb.delete_item(
        TableName=TABLE,
        Key={"pk": wait["pk"]},
        ConditionExpression="attribute_not_exists(#pk) OR #token = :token",
        ExpressionAttributeNames={"#pk": "pk", "#token": "token"},
        ExpressionAttributeValues={":token": {"S": token}},
    )
    return True
