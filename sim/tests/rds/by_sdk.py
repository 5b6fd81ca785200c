"""Drives the RDS service with the AWS SDK for Python and checks every answer against botocore's
model of the wire: no element that the model does not know, and every value of the right type.
Prints figures for the test that runs it."""

import datetime
import json

from botocore.exceptions import ClientError
from wire import checked, client, home, home_key, refused, source

near, far = client(source), client(home)
tags = [{"Key": "snapferry:run", "Value": "r-1"}]

instances = near.describe_db_instances()["DBInstances"]
by_name = {instance["DBInstanceIdentifier"]: instance for instance in instances}
assert by_name["secret"]["StorageEncrypted"] is True
assert by_name["orders"]["DBSubnetGroup"]["Subnets"][0]["SubnetIdentifier"] == "subnet-0a1"
assert by_name["orders"]["VpcSecurityGroups"][0]["VpcSecurityGroupId"] == "sg-0a1b2c3d"
assert by_name["orders"]["DBParameterGroups"][0]["DBParameterGroupName"] == "default.postgres17"
assert by_name["orders"]["OptionGroupMemberships"][0]["OptionGroupName"] == "default:postgres-17"

assert by_name["orders"]["StorageEncryptionType"] == "none", by_name["orders"]
assert by_name["secret"]["StorageEncryptionType"] == "sse-kms", by_name["secret"]
assert by_name["orders"]["ReadReplicaDBInstanceIdentifiers"] == ["orders-replica"], by_name["orders"]
replica = by_name["orders-replica"]
assert replica["ReadReplicaSourceDBInstanceIdentifier"] == "orders", replica
factory = by_name["factory"]
assert factory["BackupTarget"] == "outposts" and factory["Timezone"] == "GMT Standard Time", factory
assert factory["Endpoint"]["Port"] == 1433, factory
assert factory["DomainMemberships"][0]["Domain"] == "d-0123456789", factory
filters = [{"Name": "domain", "Values": ["d-0123456789"]}]
found = near.describe_db_instances(Filters=filters)["DBInstances"]
assert [instance["DBInstanceIdentifier"] for instance in found] == ["factory"], found
groups = near.describe_option_groups(EngineName="sqlserver-se")["OptionGroupsList"]
assert [group["OptionGroupName"] for group in groups] == ["books"], groups
assert groups[0]["MajorEngineVersion"] == "16.00", groups
assert groups[0]["Options"][0]["OptionName"] == "TDE" and groups[0]["Options"][0]["Persistent"], groups
groups = near.describe_option_groups(OptionGroupName="default:postgres-17")["OptionGroupsList"]
assert groups[0]["EngineName"] == "postgres" and groups[0]["Options"] == [], groups
refused(
    near.exceptions.OptionGroupNotFoundFault, near.describe_option_groups, OptionGroupName="none"
)

made = near.create_db_snapshot(
    DBSnapshotIdentifier="first", DBInstanceIdentifier="secret", Tags=tags
)["DBSnapshot"]
assert made["Status"] == "creating" and made["PercentProgress"] == 0, made
assert made["TagList"] == tags, made
for number in range(44):
    near.create_db_snapshot(
        DBSnapshotIdentifier=f"s-{number}", DBInstanceIdentifier=f"db-{number}"
    )
near.get_waiter("db_snapshot_available").wait(
    DBSnapshotIdentifier="first", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
)
shown = near.describe_db_snapshots(DBSnapshotIdentifier="first")["DBSnapshots"][0]
assert isinstance(shown["SnapshotCreateTime"], datetime.datetime), shown
assert isinstance(shown["OriginalSnapshotCreateTime"], datetime.datetime), shown
assert shown["Encrypted"] is True and shown["FullSnapshotSizeInBytes"] > 0, shown
assert shown["DbiResourceId"] == by_name["secret"]["DbiResourceId"], shown

pages = list(near.get_paginator("describe_db_snapshots").paginate(PaginationConfig={"PageSize": 20}))
listed = [snapshot["DBSnapshotIdentifier"] for page in pages for snapshot in page["DBSnapshots"]]

# SourceRegion makes the SDK sign a URL for the source region, which the service checks.
copied = far.copy_db_snapshot(
    SourceDBSnapshotIdentifier=made["DBSnapshotArn"],
    TargetDBSnapshotIdentifier="first-copy",
    KmsKeyId=home_key,
    Tags=tags,
    CopyTags=True,
    SourceRegion=source,
)["DBSnapshot"]
assert copied["SourceRegion"] == source and copied["KmsKeyId"] == home_key, copied
assert copied["SourceDBSnapshotIdentifier"] == made["DBSnapshotArn"], copied
assert copied["Status"] == "pending", copied
later = {"AvailabilityZone", "DbiResourceId", "OptionGroupName", "SnapshotCreateTime", "VpcId"}
assert not later & copied.keys(), copied
far.get_waiter("db_snapshot_available").wait(
    DBSnapshotIdentifier="first-copy", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
)
filters = [{"Name": "db-snapshot-id", "Values": ["none", "first-copy"]}]
found = far.describe_db_snapshots(Filters=filters)["DBSnapshots"]
assert [snapshot["DBSnapshotIdentifier"] for snapshot in found] == ["first-copy"], found
assert found[0]["OriginalSnapshotCreateTime"] == shown["OriginalSnapshotCreateTime"], found
assert found[0]["SnapshotCreateTime"] > shown["SnapshotCreateTime"], found
assert later <= found[0].keys() and found[0]["StorageEncryptionType"] == "sse-kms", found
events = far.describe_events(
    SourceType="db-snapshot",
    SourceIdentifier="first-copy",
    StartTime=datetime.datetime(2026, 1, 2),
    EventCategories=["notification"],
)["Events"]
told = [event["Message"].split(" snapshot first ")[0] for event in events]
assert told == ["Started copy of", "Finished copy of"], events
assert isinstance(events[0]["Date"], datetime.datetime), events
assert events[0]["SourceArn"] == copied["DBSnapshotArn"], events

arn = copied["DBSnapshotArn"]
far.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "a", "Value": "b"}])
assert far.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "a", "Value": "b"}, *tags]
far.remove_tags_from_resource(ResourceName=arn, TagKeys=["a", "none"])
assert far.list_tags_for_resource(ResourceName=arn)["TagList"] == tags
attributes = far.describe_db_snapshot_attributes(DBSnapshotIdentifier="first-copy")
attributes = attributes["DBSnapshotAttributesResult"]
restore = {"AttributeName": "restore", "AttributeValues": []}
assert attributes["DBSnapshotIdentifier"] == "first-copy", attributes
assert attributes["DBSnapshotAttributes"] == [restore], attributes
attributes = far.modify_db_snapshot_attribute(
    DBSnapshotIdentifier="first-copy", AttributeName="restore", ValuesToAdd=["444455556666", "777788889999"]
)["DBSnapshotAttributesResult"]
restore["AttributeValues"] = ["444455556666", "777788889999"]
assert attributes["DBSnapshotAttributes"] == [restore], attributes
far.modify_db_snapshot_attribute(
    DBSnapshotIdentifier="first-copy", AttributeName="restore", ValuesToRemove=["777788889999"]
)
restore["AttributeValues"] = ["444455556666"]
attributes = far.describe_db_snapshot_attributes(DBSnapshotIdentifier="first-copy")
assert attributes["DBSnapshotAttributesResult"]["DBSnapshotAttributes"] == [restore], attributes
quotas = {
    quota["AccountQuotaName"]: (quota["Used"], quota["Max"])
    for quota in near.describe_account_attributes()["AccountQuotas"]
}
assert quotas["ManualSnapshots"] == (45, 60), quotas

fault = near.exceptions
refused(fault.DBSnapshotNotFoundFault, near.describe_db_snapshots, DBSnapshotIdentifier="none")
refused(fault.DBInstanceNotFoundFault, near.describe_db_instances, DBInstanceIdentifier="none")
refused(
    fault.DBSnapshotAlreadyExistsFault,
    near.create_db_snapshot,
    DBSnapshotIdentifier="first",
    DBInstanceIdentifier="orders",
)
# Fifteen more make the quota full; an instance takes one at a time, so each has its own.
for number in range(15):
    near.create_db_snapshot(
        DBSnapshotIdentifier=f"more-{number}", DBInstanceIdentifier=f"db-{number}"
    )
refused(
    fault.SnapshotQuotaExceededFault,
    near.create_db_snapshot,
    DBSnapshotIdentifier="one-too-many",
    DBInstanceIdentifier="orders",
)
refused(
    fault.KMSKeyNotAccessibleFault,
    far.copy_db_snapshot,
    SourceDBSnapshotIdentifier=made["DBSnapshotArn"],
    TargetDBSnapshotIdentifier="other",
    KmsKeyId="alias/none",
)
code = refused(
    ClientError,
    far.copy_db_snapshot,
    SourceDBSnapshotIdentifier=made["DBSnapshotArn"],
    TargetDBSnapshotIdentifier="other",
)
assert code == "InvalidParameterValue", code
code = refused(ClientError, near.start_db_instance, DBInstanceIdentifier="orders")
assert code == "InvalidAction", code

deleted = far.delete_db_snapshot(DBSnapshotIdentifier="first-copy")["DBSnapshot"]
assert deleted["Status"] == "deleted", deleted
# The waiter polls until the snapshot is not found.
far.get_waiter("db_snapshot_deleted").wait(
    DBSnapshotIdentifier="first-copy", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
)

clusters = {cluster["DBClusterIdentifier"]: cluster for cluster in near.describe_db_clusters()["DBClusters"]}
shop = clusters["shop"]
assert [member["IsClusterWriter"] for member in shop["DBClusterMembers"]] == [True, False], shop
assert clusters["trio"]["DBClusterInstanceClass"] == "db.m6gd.large", clusters
assert isinstance(shop["ClusterCreateTime"], datetime.datetime), shop
world = clusters["world"]
assert world["StorageEncrypted"] is False and world["StorageEncryptionType"] == "sse-rds", world
assert world["GlobalClusterIdentifier"] == "planet" and world["ReplicationSourceIdentifier"], world
assert not any(member["IsClusterWriter"] for member in world["DBClusterMembers"]), world
assert [clusters[name]["Port"] for name in ("papers", "graph", "shop")] == [27017, 8182, 5432]
filters = [{"Name": "clone-group-id", "Values": ["clones"]}]
found = near.describe_db_clusters(Filters=filters)["DBClusters"]
assert [cluster["DBClusterIdentifier"] for cluster in found] == ["world"], found
of_cluster = near.create_db_cluster_snapshot(
    DBClusterSnapshotIdentifier="first", DBClusterIdentifier="shop", Tags=tags
)["DBClusterSnapshot"]
assert of_cluster["Status"] == "creating" and of_cluster["TagList"] == tags, of_cluster
assert isinstance(of_cluster["SnapshotCreateTime"], datetime.datetime), of_cluster
code = refused(
    ClientError,
    near.describe_db_cluster_snapshots,
    DBClusterSnapshotIdentifier="first",
    DBClusterIdentifier="shop",
)
assert code == "InvalidParameterCombination", code
near.get_waiter("db_cluster_snapshot_available").wait(
    DBClusterSnapshotIdentifier="first", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
)
copied = far.copy_db_cluster_snapshot(
    SourceDBClusterSnapshotIdentifier=of_cluster["DBClusterSnapshotArn"],
    TargetDBClusterSnapshotIdentifier="first-copy",
    KmsKeyId=home_key,
    Tags=tags,
    SourceRegion=source,
)["DBClusterSnapshot"]
assert copied["SourceDBClusterSnapshotArn"] == of_cluster["DBClusterSnapshotArn"], copied
assert copied["KmsKeyId"] == home_key and copied["StorageEncrypted"] is True, copied
assert copied["DbClusterResourceId"] == shop["DbClusterResourceId"], copied
assert len(copied["AvailabilityZones"]) == 3, copied
filters = [{"Name": "db-cluster-snapshot-id", "Values": ["none", "first-copy"]}]
found = far.describe_db_cluster_snapshots(Filters=filters)["DBClusterSnapshots"]
assert [snapshot["DBClusterSnapshotIdentifier"] for snapshot in found] == ["first-copy"], found
refused(fault.DBClusterNotFoundFault, near.describe_db_clusters, DBClusterIdentifier="none")
refused(
    fault.DBClusterSnapshotNotFoundFault,
    near.describe_db_cluster_snapshots,
    DBClusterSnapshotIdentifier="none",
)
refused(
    fault.DBClusterSnapshotAlreadyExistsFault,
    near.create_db_cluster_snapshot,
    DBClusterSnapshotIdentifier="first",
    DBClusterIdentifier="trio",
)
shared = far.modify_db_cluster_snapshot_attribute(
    DBClusterSnapshotIdentifier="first-copy", AttributeName="restore", ValuesToAdd=["444455556666"]
)["DBClusterSnapshotAttributesResult"]
restore = {"AttributeName": "restore", "AttributeValues": ["444455556666"]}
assert shared["DBClusterSnapshotAttributes"] == [restore], shared
attributes = far.describe_db_cluster_snapshot_attributes(DBClusterSnapshotIdentifier="first-copy")
assert attributes["DBClusterSnapshotAttributesResult"] == shared, attributes
deleted = far.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="first-copy")
assert deleted["DBClusterSnapshot"]["Status"] == "available", deleted
far.get_waiter("db_cluster_snapshot_deleted").wait(
    DBClusterSnapshotIdentifier="first-copy", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
)
assert len(set(checked)) == 20, set(checked)
print(json.dumps({"pages": len(pages), "listed": listed}))
