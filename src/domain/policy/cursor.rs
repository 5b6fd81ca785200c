//! Up to when a policy is planned in a region, and which databases were left over.

use jiff::Timestamp;

use super::spread::OpenSpread;

use crate::domain::id::database_ref::DatabaseRef;

/// How many databases are kept by name beside one cursor. Their item stays far below DynamoDB's 400 KB, also when every
/// name has its greatest length.
pub const KEPT_MAX: usize = 200;

/// Up to when a policy is planned in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The due time that was planned last.
    pub until: Timestamp,
    /// The databases that have no execution yet of a due time that was planned for them. Their next own time drops them.
    pub kept: Vec<Kept>,
    /// How far its spread has come. `None` once every own time of the due time was planned.
    pub spread: Option<OpenSpread>,
}

/// A database that a due time left over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The database.
    pub database: DatabaseRef,
    /// Why it was left over.
    pub why: KeptWhy,
    /// The due time that is owed to it: the cursor's, or the one before while that one's spread goes on.
    pub due: Timestamp,
}

/// Why a due time left a database over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeptWhy {
    /// Its execution could not be started.
    NotStarted,
    /// RDS takes no snapshot of it in its status.
    NotNow,
    /// Its execution for a due time before still runs.
    StillRunning,
}

impl KeptWhy {
    /// Its word in the table and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not-started",
            Self::NotNow => "not-now",
            Self::StillRunning => "still-running",
        }
    }

    /// Reads the word. A word that this version does not know only says that no execution was started.
    #[must_use]
    pub fn read(word: &str) -> Self {
        let all = [Self::NotNow, Self::StillRunning];
        let known = all.into_iter().find(|why| why.as_str() == word);
        known.unwrap_or(Self::NotStarted)
    }
}

impl Cursor {
    /// The cursor after a due time that left these databases over. `None` if more must be made up for than can be kept:
    /// the whole region is then listed again. A due time that is skipped because a run goes on is made up for only if
    /// there is room, because the database does get its recovery point.
    #[must_use]
    pub fn behind(
        due: Timestamp,
        mut left_over: Vec<Kept>,
        spread: Option<OpenSpread>,
    ) -> Option<Self> {
        left_over.sort_by(|a, b| (a.why, &a.database.arn).cmp(&(b.why, &b.database.arn)));
        let owed = left_over.iter();
        let owed = owed.filter(|kept| kept.why != KeptWhy::StillRunning);
        if owed.count() > KEPT_MAX {
            return None;
        }
        left_over.truncate(KEPT_MAX);
        Some(Self {
            until: due,
            kept: left_over,
            spread,
        })
    }
}
