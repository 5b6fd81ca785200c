//! How storage is encrypted.

/// StorageEncryptionType.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageEncryption {
    /// It is not.
    None,
    /// Under a key of KMS that the account can name.
    SseKms,
    /// Under a key that AWS owns. RDS then says that it is not encrypted, and names no key.
    SseRds,
}

impl StorageEncryption {
    /// A key that can be named wins over one that AWS owns.
    pub(super) fn of(kms_key: Option<&str>, aws_owned_key: bool) -> Self {
        match (kms_key, aws_owned_key) {
            (Some(_), _) => Self::SseKms,
            (None, true) => Self::SseRds,
            (None, false) => Self::None,
        }
    }

    /// RDS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SseKms => "sse-kms",
            Self::SseRds => "sse-rds",
        }
    }
}

/// What RDS says to a copy, under a key of the account, of a cluster snapshot that is not encrypted or is under a key
/// that AWS owns. AWS's documentation says both: the API reference of CopyDBClusterSnapshot the one, the Aurora user
/// guide the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeylessClusterCopies {
    /// It is an invalid parameter.
    #[default]
    Refused,
    /// The copy is encrypted under the key.
    Accepted,
}
