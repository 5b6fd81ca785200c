//! The settings that the catalog keeps of a database, read from RDS's rows.

use std::collections::BTreeSet;

use snapferry::domain::id::arn::Family;
use snapferry::domain::rds::database::Database;
use snapferry::domain::restore::setting::Setting;
use snapferry::domain::restore::taken::Part;
use snapferry::ports::ListDatabases;

use crate::rds::xml;
use crate::wire::Wire;
use crate::world::{SOURCE, region};

/// A row with every field that the catalog keeps. RDS shows some for a few engines only.
const INSTANCE: &str = "\
<DBInstanceIdentifier>orders</DBInstanceIdentifier>\
<DBInstanceArn>arn:aws:rds:eu-west-1:111122223333:db:orders</DBInstanceArn>\
<DbiResourceId>db-ORDERS</DbiResourceId>\
<Engine>postgres</Engine><EngineVersion>17.2</EngineVersion><DBInstanceClass>db.r6g.large</DBInstanceClass>\
<PromotionTier>1</PromotionTier><LicenseModel>postgresql-license</LicenseModel>\
<Endpoint><Address>orders.abc.eu-west-1.rds.amazonaws.com</Address><Port>5432</Port></Endpoint>\
<DbInstancePort>0</DbInstancePort>\
<DBSubnetGroup><DBSubnetGroupName>private</DBSubnetGroupName></DBSubnetGroup>\
<VpcSecurityGroups><VpcSecurityGroupMembership><VpcSecurityGroupId>sg-2</VpcSecurityGroupId>\
</VpcSecurityGroupMembership><VpcSecurityGroupMembership><VpcSecurityGroupId>sg-1</VpcSecurityGroupId>\
</VpcSecurityGroupMembership></VpcSecurityGroups>\
<DBParameterGroups><DBParameterGroup><DBParameterGroupName>tuned</DBParameterGroupName></DBParameterGroup>\
</DBParameterGroups>\
<OptionGroupMemberships><OptionGroupMembership><OptionGroupName>default:postgres-17</OptionGroupName>\
<Status>in-sync</Status></OptionGroupMembership></OptionGroupMemberships>\
<MultiAZ>true</MultiAZ><AvailabilityZone>eu-west-1a</AvailabilityZone>\
<PubliclyAccessible>false</PubliclyAccessible><NetworkType>IPV4</NetworkType>\
<AllocatedStorage>100</AllocatedStorage><MaxAllocatedStorage>200</MaxAllocatedStorage>\
<StorageType>gp3</StorageType><Iops>3000</Iops><StorageThroughput>125</StorageThroughput>\
<AdditionalStorageVolumes><member><VolumeName>rdsdbdata2</VolumeName>\
<AllocatedStorage>20</AllocatedStorage></member></AdditionalStorageVolumes>\
<DedicatedLogVolume>false</DedicatedLogVolume>\
<KmsKeyId>arn:aws:kms:eu-west-1:111122223333:key/1</KmsKeyId><StorageEncrypted>true</StorageEncrypted>\
<MasterUsername>ada</MasterUsername>\
<MasterUserSecret><SecretArn>arn:aws:secretsmanager:eu-west-1:111122223333:secret:s</SecretArn>\
<KmsKeyId>arn:aws:kms:eu-west-1:111122223333:key/2</KmsKeyId></MasterUserSecret>\
<DBName>orders</DBName><CharacterSetName>AL32UTF8</CharacterSetName>\
<NcharCharacterSetName>AL16UTF16</NcharCharacterSetName><Timezone>UTC</Timezone><DBSystemId>SID</DBSystemId>\
<MultiTenant>false</MultiTenant>\
<IAMDatabaseAuthenticationEnabled>true</IAMDatabaseAuthenticationEnabled>\
<EnabledCloudwatchLogsExports><member>upgrade</member><member>postgresql</member></EnabledCloudwatchLogsExports>\
<BackupRetentionPeriod>7</BackupRetentionPeriod><PreferredBackupWindow>02:00-03:00</PreferredBackupWindow>\
<PreferredMaintenanceWindow>sun:04:00-sun:05:00</PreferredMaintenanceWindow>\
<DeletionProtection>true</DeletionProtection><CopyTagsToSnapshot>true</CopyTagsToSnapshot>\
<AutoMinorVersionUpgrade>false</AutoMinorVersionUpgrade>\
<EngineLifecycleSupport>open-source-rds-extended-support-disabled</EngineLifecycleSupport>\
<MonitoringInterval>60</MonitoringInterval><MonitoringRoleArn>arn:aws:iam::111122223333:role/m</MonitoringRoleArn>\
<PerformanceInsightsEnabled>true</PerformanceInsightsEnabled>\
<PerformanceInsightsKMSKeyId>arn:aws:kms:eu-west-1:111122223333:key/3</PerformanceInsightsKMSKeyId>\
<PerformanceInsightsRetentionPeriod>7</PerformanceInsightsRetentionPeriod>\
<DatabaseInsightsMode>standard</DatabaseInsightsMode><CACertificateIdentifier>rds-ca-rsa2048-g1</CACertificateIdentifier>\
<AssociatedRoles><DBInstanceRole><RoleArn>arn:aws:iam::111122223333:role/s3</RoleArn>\
<FeatureName>s3Import</FeatureName><Status>ACTIVE</Status></DBInstanceRole></AssociatedRoles>\
<DomainMemberships><DomainMembership><Domain>d-1</Domain><Status>joined</Status></DomainMembership></DomainMemberships>\
<ProcessorFeatures><ProcessorFeature><Name>coreCount</Name><Value>2</Value></ProcessorFeature></ProcessorFeatures>\
<TdeCredentialArn>arn:of-a-store</TdeCredentialArn>\
<ReadReplicaDBInstanceIdentifiers><ReadReplicaDBInstanceIdentifier>orders-r</ReadReplicaDBInstanceIdentifier>\
</ReadReplicaDBInstanceIdentifiers>\
<DBInstanceStatus>available</DBInstanceStatus>\
<LatestRestorableTime>2026-11-22T04:00:00Z</LatestRestorableTime>";

const CLUSTER: &str = "\
<DBClusterIdentifier>shop</DBClusterIdentifier>\
<DBClusterArn>arn:aws:rds:eu-west-1:111122223333:cluster:shop</DBClusterArn>\
<DbClusterResourceId>cluster-SHOP</DbClusterResourceId>\
<Engine>aurora-postgresql</Engine><EngineVersion>16.9</EngineVersion><EngineMode>provisioned</EngineMode>\
<Port>5432</Port><DBSubnetGroup>private</DBSubnetGroup>\
<VpcSecurityGroups><VpcSecurityGroupMembership><VpcSecurityGroupId>sg-1</VpcSecurityGroupId>\
</VpcSecurityGroupMembership></VpcSecurityGroups>\
<DBClusterParameterGroup>tuned</DBClusterParameterGroup><NetworkType>IPV4</NetworkType>\
<StorageType>aurora-iopt1</StorageType><KmsKeyId>arn:aws:kms:eu-west-1:111122223333:key/1</KmsKeyId>\
<StorageEncrypted>true</StorageEncrypted>\
<ServerlessV2ScalingConfiguration><MinCapacity>0.5</MinCapacity><MaxCapacity>16.0</MaxCapacity>\
<SecondsUntilAutoPause>300</SecondsUntilAutoPause></ServerlessV2ScalingConfiguration>\
<BacktrackWindow>0</BacktrackWindow><MasterUsername>ada</MasterUsername>\
<MasterUserSecret><SecretArn>arn:aws:secretsmanager:eu-west-1:111122223333:secret:s</SecretArn>\
<KmsKeyId>arn:aws:kms:eu-west-1:111122223333:key/2</KmsKeyId></MasterUserSecret>\
<DatabaseName>shop</DatabaseName><DBSystemId>SID</DBSystemId>\
<IAMDatabaseAuthenticationEnabled>false</IAMDatabaseAuthenticationEnabled>\
<EnabledCloudwatchLogsExports><member>postgresql</member></EnabledCloudwatchLogsExports>\
<BackupRetentionPeriod>7</BackupRetentionPeriod><PreferredBackupWindow>02:00-03:00</PreferredBackupWindow>\
<PreferredMaintenanceWindow>sun:04:00-sun:05:00</PreferredMaintenanceWindow>\
<DeletionProtection>true</DeletionProtection><CopyTagsToSnapshot>true</CopyTagsToSnapshot>\
<EngineLifecycleSupport>open-source-rds-extended-support</EngineLifecycleSupport>\
<MonitoringInterval>0</MonitoringInterval><MonitoringRoleArn>arn:aws:iam::111122223333:role/m</MonitoringRoleArn>\
<PerformanceInsightsEnabled>true</PerformanceInsightsEnabled>\
<PerformanceInsightsKMSKeyId>arn:aws:kms:eu-west-1:111122223333:key/3</PerformanceInsightsKMSKeyId>\
<PerformanceInsightsRetentionPeriod>7</PerformanceInsightsRetentionPeriod>\
<DatabaseInsightsMode>advanced</DatabaseInsightsMode>\
<AssociatedRoles><DBClusterRole><RoleArn>arn:aws:iam::111122223333:role/s3</RoleArn><Status>ACTIVE</Status>\
</DBClusterRole></AssociatedRoles>\
<HttpEndpointEnabled>true</HttpEndpointEnabled>\
<DomainMemberships><DomainMembership><Domain>d-1</Domain></DomainMembership></DomainMemberships>\
<GlobalClusterIdentifier>world</GlobalClusterIdentifier>\
<CustomEndpoints><member>reports.abc</member></CustomEndpoints>\
<Endpoint>shop.abc.eu-west-1.rds.amazonaws.com</Endpoint><ReaderEndpoint>shop.ro.abc</ReaderEndpoint>\
<DBClusterMembers><DBClusterMember><DBInstanceIdentifier>shop-1</DBInstanceIdentifier>\
<IsClusterWriter>true</IsClusterWriter><PromotionTier>1</PromotionTier></DBClusterMember>\
<DBClusterMember><DBInstanceIdentifier>shop-2</DBInstanceIdentifier>\
<IsClusterWriter>false</IsClusterWriter><PromotionTier>0</PromotionTier></DBClusterMember></DBClusterMembers>\
<Status>available</Status>";

async fn read(family: Family, row: &str) -> Database {
    let reply = match family {
        Family::Instance => xml(
            "DescribeDBInstances",
            &format!("<DBInstances><DBInstance>{row}</DBInstance></DBInstances>"),
        ),
        Family::Cluster => xml(
            "DescribeDBClusters",
            &format!("<DBClusters><DBCluster>{row}</DBCluster></DBClusters>"),
        ),
    };
    let wire = Wire::new([reply]);
    let (aws, region) = (wire.aws(), region(SOURCE));
    let listed = aws.list_databases(&region, family, None).await;
    listed.unwrap().items.remove(0)
}

fn of_part(part: Part) -> BTreeSet<Setting> {
    let all = Setting::ALL.iter().copied();
    all.filter(|setting| setting.of(part).is_some()).collect()
}

fn captured(database: &Database) -> BTreeSet<Setting> {
    database.captured.settings.keys().copied().collect()
}

fn value(database: &Database, setting: Setting) -> String {
    database.captured.settings[&setting].to_string()
}

#[tokio::test]
async fn every_setting_of_the_table_is_read_from_an_instances_row() {
    let orders = read(Family::Instance, INSTANCE).await;
    assert_eq!(captured(&orders), of_part(Part::Instance));
    assert_eq!(value(&orders, Setting::Port), "5432");
    assert_eq!(value(&orders, Setting::VpcSecurityGroupIds), "sg-1, sg-2");
    let role = "FeatureName=s3Import RoleArn=arn:aws:iam::111122223333:role/s3";
    assert_eq!(value(&orders, Setting::AssociatedRoles), role);
}

#[tokio::test]
async fn every_setting_of_the_table_is_read_from_a_members_row_and_none_of_its_clusters() {
    let row = format!("{INSTANCE}<DBClusterIdentifier>shop</DBClusterIdentifier>");
    let member = read(Family::Instance, &row).await;
    assert_eq!(captured(&member), of_part(Part::Member));
}

#[tokio::test]
async fn every_setting_of_the_table_is_read_from_a_clusters_row_with_its_members() {
    let shop = read(Family::Cluster, CLUSTER).await;
    assert_eq!(captured(&shop), of_part(Part::Cluster));
    assert_eq!(value(&shop, Setting::ServerlessMinCapacity), "0.5");
    let members = &shop.captured.members;
    let shown: Vec<_> = members
        .iter()
        .map(|(name, member)| (name.as_str(), member.is_writer, member.is_known()))
        .collect();
    assert_eq!(shown, [("shop-1", true, false), ("shop-2", false, false)]);
}

#[tokio::test]
async fn what_rds_changes_by_itself_is_no_setting() {
    let later = INSTANCE
        .replace("2026-11-22T04:00:00Z", "2026-11-22T05:00:00Z")
        .replace("available", "backing-up");
    let [one, other] = [INSTANCE, &later];
    let captured = read(Family::Instance, one).await.captured;
    assert_eq!(captured, read(Family::Instance, other).await.captured);
}
