//! What RDS says of a database that decides whether a copy of it in another region can be made.

/// How a database's storage is encrypted: RDS's `StorageEncryptionType`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StorageEncryption {
    /// `none`: not encrypted.
    #[default]
    None,
    /// `sse-kms`: under a key of this account or the account's `aws/rds` key.
    Kms,
    /// `sse-rds`: under a key that AWS owns. RDS then says `StorageEncrypted` = false of a cluster.
    AwsOwned,
}

impl StorageEncryption {
    /// RDS's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Kms => "sse-kms",
            Self::AwsOwned => "sse-rds",
        }
    }

    /// Reads `StorageEncryptionType`; where RDS leaves it out or uses a word that is not known, `StorageEncrypted`
    /// decides.
    #[must_use]
    pub fn of(word: Option<&str>, storage_encrypted: bool) -> Self {
        match word {
            Some("sse-kms") => Self::Kms,
            Some("sse-rds") => Self::AwsOwned,
            _ if storage_encrypted => Self::Kms,
            _ => Self::None,
        }
    }
}

/// What decides whether a database can be copied, and whether it is one that people mean to protect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyFacts {
    /// Its engine's version, if RDS says it.
    pub engine_version: Option<String>,
    /// How its storage is encrypted.
    pub encryption: StorageEncryption,
    /// Whether it is a Multi-AZ DB cluster: a cluster of an engine other than Aurora, with instances of a fixed size.
    pub multi_az_cluster: bool,
    /// Whether it is an Aurora cluster with shards (Aurora Limitless).
    pub limitless: bool,
    /// The database that it is a read replica of, as RDS names it.
    pub replica_of: Option<String>,
    /// Whether it is a secondary cluster of an Aurora global database.
    pub global_secondary: bool,
    /// Where its backups are kept, if RDS says so: `region`, `outposts` or `local`.
    pub backup_target: Option<String>,
    /// Whether its option group is known to have transparent data encryption (TDE). RDS's list of databases does not
    /// say it.
    pub tde: bool,
}

impl CopyFacts {
    /// The facts of a database that is encrypted with a key of the account, if RDS says nothing else.
    #[must_use]
    pub fn encrypted() -> Self {
        Self {
            encryption: StorageEncryption::Kms,
            ..Self::default()
        }
    }
}
