//! The stacks of the recovery region that are deployed on request, after all others. Each has a template and a program of
//! its own, so that the functions of `template.yaml`, whose archive is limited, link nothing of it.

/// A stack of the recovery region that is deployed on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `restore.yaml`: the remover of drills.
    Restore,
    /// `report.yaml`: the report, put into a bucket by schedule.
    Report,
}

impl Part {
    /// All of them, in the order in which they are deployed.
    pub const ALL: [Self; 2] = [Self::Restore, Self::Report];

    /// The word of `--with`, which the stack's name ends with.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Restore => "restore",
            Self::Report => "report",
        }
    }

    /// The part of this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.word() == word)
    }

    /// The template's file.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Self::Restore => "restore.yaml",
            Self::Report => "report.yaml",
        }
    }

    /// The template of this version.
    #[must_use]
    pub fn template(self) -> &'static str {
        match self {
            Self::Restore => include_str!("../../../restore.yaml"),
            Self::Report => include_str!("../../../report.yaml"),
        }
    }

    /// The program of its function. The cargo feature that builds it has the same name.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Restore => "drills",
            Self::Report => "report",
        }
    }

    /// Its function, in words.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            Self::Restore => "the remover",
            Self::Report => "the reporter",
        }
    }

    /// The flag that names the program.
    #[must_use]
    pub fn flag(self) -> &'static str {
        match self {
            Self::Restore => "--drills-function",
            Self::Report => "--report-function",
        }
    }

    /// The line of the template that says where its code is in a checkout.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Restore => "CodeUri: target/function/drills/",
            Self::Report => "CodeUri: target/function/report/",
        }
    }

    /// The parameters that only its template has together. A stack that was never finished shows no outputs.
    pub(super) fn own_parameters(self) -> [&'static str; 2] {
        match self {
            Self::Restore => ["RemoverRate", "TableName"],
            Self::Report => ["ReportBucket", "TableName"],
        }
    }

    /// The output that only its template has.
    pub(super) fn own_output(self) -> &'static str {
        match self {
            Self::Restore => "RemoverRoleArn",
            Self::Report => "ReporterRoleArn",
        }
    }

    /// The output with the name of its function.
    #[must_use]
    pub fn function_output(self) -> &'static str {
        match self {
            Self::Restore => "RemoverName",
            Self::Report => "ReporterName",
        }
    }

    /// The parameter without a default, if it has one.
    pub(super) fn needs(self) -> Option<&'static str> {
        match self {
            Self::Restore => None,
            Self::Report => Some("ReportBucket"),
        }
    }
}
