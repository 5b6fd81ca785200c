"""Restores, changes and deletes databases with the AWS SDK for Python, and checks every answer against botocore's model of
the wire. Prints the parameters that the model knows of each action that makes or changes a database."""

import json

from botocore.exceptions import ClientError
from wire import checked, client, home_key, refused, source

near = client(source)
fault = near.exceptions


def instance(name):
    return near.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


def cluster(name):
    return near.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]


def wait(of, name):
    kind = {"db_instance": "DBInstanceIdentifier", "db_cluster": "DBClusterIdentifier"}
    identifier = kind[of.rsplit("_", 1)[0]]
    near.get_waiter(of).wait(**{identifier: name}, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


near.create_db_snapshot(DBSnapshotIdentifier="s", DBInstanceIdentifier="secret")
near.get_waiter("db_snapshot_available").wait(
    DBSnapshotIdentifier="s", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
)
tags = [{"Key": "snapferry:restored", "Value": "main"}]
made = near.restore_db_instance_from_db_snapshot(
    DBInstanceIdentifier="back",
    DBSnapshotIdentifier="s",
    DBSubnetGroupName="default",
    VpcSecurityGroupIds=["sg-default"],
    BackupRetentionPeriod=0,
    PubliclyAccessible=False,
    EnableCloudwatchLogsExports=["upgrade", "postgresql"],
    StorageType="gp3",
    EngineLifecycleSupport="open-source-rds-extended-support-disabled",
    Tags=tags,
)["DBInstance"]
assert made["DBInstanceStatus"] == "creating" and "Endpoint" not in made, made
assert made["TagList"] == tags and made["PubliclyAccessible"] is False, made
assert made["EnabledCloudwatchLogsExports"] == ["postgresql", "upgrade"], made
assert made["EngineLifecycleSupport"] == "open-source-rds-extended-support-disabled", made
assert made["PendingModifiedValues"] == {} and made["MultiAZ"] is False, made
wait("db_instance_available", "back")
shown = instance("back")
assert shown["Endpoint"]["Port"] == 5432 and shown["BackupRetentionPeriod"] == 0, shown
assert shown["DbiResourceId"] == made["DbiResourceId"], shown
changed = near.modify_db_instance(
    DBInstanceIdentifier="back",
    ApplyImmediately=True,
    BackupRetentionPeriod=7,
    DBParameterGroupName="own",
    EnablePerformanceInsights=True,
    ManageMasterUserPassword=True,
    MaxAllocatedStorage=500,
    MonitoringInterval=60,
    MonitoringRoleArn="arn:aws:iam::123456789012:role/monitoring",
)["DBInstance"]
assert changed["PendingModifiedValues"] == {"BackupRetentionPeriod": 7}, changed
wait("db_instance_available", "back")
shown = instance("back")
assert shown["MaxAllocatedStorage"] == 500 and shown["MonitoringInterval"] == 60, shown
assert shown["PerformanceInsightsRetentionPeriod"] == 7, shown
assert shown["MasterUserSecret"]["SecretStatus"] == "active", shown
assert shown["DBParameterGroups"][0]["ParameterApplyStatus"] == "pending-reboot", shown
near.reboot_db_instance(DBInstanceIdentifier="back")
wait("db_instance_available", "back")
assert instance("back")["DBParameterGroups"][0]["ParameterApplyStatus"] == "in-sync"
role = "arn:aws:iam::123456789012:role/import"
near.add_role_to_db_instance(DBInstanceIdentifier="back", RoleArn=role, FeatureName="s3Import")
assert instance("back")["AssociatedRoles"][0]["RoleArn"] == role
refused(
    fault.DBInstanceRoleAlreadyExistsFault,
    near.add_role_to_db_instance,
    DBInstanceIdentifier="back",
    RoleArn=role,
    FeatureName="s3Import",
)
restore = {"DBInstanceIdentifier": "other", "DBSnapshotIdentifier": "s"}
for wrong, parameters in [
    (fault.DBInstanceAlreadyExistsFault, {"DBInstanceIdentifier": "back"}),
    (fault.DBSnapshotNotFoundFault, {"DBSnapshotIdentifier": "none"}),
    (fault.DBSubnetGroupNotFoundFault, {"DBSubnetGroupName": "none"}),
    (fault.DBParameterGroupNotFoundFault, {"DBParameterGroupName": "none"}),
    (fault.OptionGroupNotFoundFault, {"OptionGroupName": "none"}),
    (ClientError, {"VpcSecurityGroupIds": ["sg-none"]}),
]:
    refused(wrong, near.restore_db_instance_from_db_snapshot, **{**restore, **parameters})

near.create_db_cluster_snapshot(DBClusterSnapshotIdentifier="s", DBClusterIdentifier="shop")
near.get_waiter("db_cluster_snapshot_available").wait(
    DBClusterSnapshotIdentifier="s", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
)
made = near.restore_db_cluster_from_snapshot(
    DBClusterIdentifier="back",
    SnapshotIdentifier="s",
    Engine="aurora-postgresql",
    EngineVersion="16.9",
    ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 8, "SecondsUntilAutoPause": 600},
    Tags=tags,
)["DBCluster"]
assert made["Status"] == "creating" and made["DBClusterMembers"] == [], made
capacity = {"MinCapacity": 0.5, "MaxCapacity": 8, "SecondsUntilAutoPause": 600}
assert made["ServerlessV2ScalingConfiguration"] == capacity, made
wait("db_cluster_available", "back")
member = near.create_db_instance(
    DBInstanceIdentifier="back-1",
    DBClusterIdentifier="back",
    DBInstanceClass="db.serverless",
    Engine="aurora-postgresql",
    PromotionTier=1,
    Tags=tags,
)["DBInstance"]
assert member["DBClusterIdentifier"] == "back" and member["PromotionTier"] == 1, member
wait("db_instance_available", "back-1")
assert cluster("back")["DBClusterMembers"][0]["IsClusterWriter"] is True
near.modify_db_cluster(
    DBClusterIdentifier="back", ApplyImmediately=True, PreferredMaintenanceWindow="sun:01:00-sun:01:30"
)
wait("db_cluster_available", "back")
assert cluster("back")["PreferredMaintenanceWindow"] == "sun:01:00-sun:01:30"
near.add_role_to_db_cluster(DBClusterIdentifier="back", RoleArn=role)
endpoint = near.enable_http_endpoint(ResourceArn=made["DBClusterArn"])
assert endpoint["HttpEndpointEnabled"] is True, endpoint
assert cluster("back")["HttpEndpointEnabled"] is True
refused(
    fault.InvalidDBClusterStateFault,
    near.delete_db_cluster,
    DBClusterIdentifier="back",
    SkipFinalSnapshot=True,
)
deleted = near.delete_db_instance(DBInstanceIdentifier="back-1", SkipFinalSnapshot=True)
assert deleted["DBInstance"]["DBInstanceStatus"] == "deleting", deleted
near.delete_db_cluster(DBClusterIdentifier="back", SkipFinalSnapshot=True)
near.delete_db_instance(DBInstanceIdentifier="back", SkipFinalSnapshot=True)
wait("db_instance_deleted", "back")
wait("db_cluster_deleted", "back")
quotas = {quota["AccountQuotaName"] for quota in near.describe_account_attributes()["AccountQuotas"]}
assert {"DBInstances", "DBClusters"} <= quotas, quotas

wanted = {
    "RestoreDBInstanceFromDBSnapshot",
    "RestoreDBClusterFromSnapshot",
    "CreateDBInstance",
    "ModifyDBInstance",
    "ModifyDBCluster",
    "RebootDBInstance",
    "AddRoleToDBInstance",
    "AddRoleToDBCluster",
    "EnableHttpEndpoint",
    "DeleteDBInstance",
    "DeleteDBCluster",
}
assert wanted <= set(checked), wanted - set(checked)


def parameters(action):
    names = []
    for name, shape in near.meta.service_model.operation_model(action).input_shape.members.items():
        names.append(name)
        if shape.type_name == "structure":
            names += [f"{name}.{inner}" for inner in shape.members]
    return names


making = [
    "RestoreDBInstanceFromDBSnapshot",
    "RestoreDBClusterFromSnapshot",
    "CreateDBInstance",
    "ModifyDBInstance",
    "ModifyDBCluster",
]
print(json.dumps({action: parameters(action) for action in making}))
