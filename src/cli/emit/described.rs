//! What a template is about.

use crate::domain::id::tags::Tags;
use crate::domain::restore::plan::RestorePlan;
use crate::domain::restore::setting::Setting;
use crate::domain::restore::taken::Part;
use crate::domain::restore::value::Value;

/// What a template does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum TemplateForm {
    /// It makes the database from the snapshot.
    Make,
    /// It takes over the database that was restored.
    TakeOver,
}

/// A database, or a member of a cluster, as a template describes it.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Resource {
    pub(in crate::cli) part: Part,
    /// Its identifier in RDS.
    pub(in crate::cli) identifier: String,
    /// The snapshot that it is made from; none for a member, and none if the database is there already.
    pub(in crate::cli) snapshot: Option<String>,
    /// The cluster of a member.
    pub(in crate::cli) cluster: Option<String>,
    pub(in crate::cli) settings: Vec<(Setting, Value)>,
    pub(in crate::cli) tags: Tags,
}

/// What a template is about.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Described {
    pub(in crate::cli) form: TemplateForm,
    /// What a reader must know, line by line.
    pub(in crate::cli) header: Vec<String>,
    pub(in crate::cli) resources: Vec<Resource>,
}

impl Described {
    /// One template of several.
    pub(in crate::cli) fn together(form: TemplateForm, all: Vec<Self>) -> Self {
        let mut together = Self {
            form,
            header: Vec::new(),
            resources: Vec::new(),
        };
        for one in all {
            together.header.extend(one.header);
            together.resources.extend(one.resources);
        }
        together
    }
}

/// The template that carries a plan out.
pub(in crate::cli) fn of_plan(plan: &RestorePlan) -> Described {
    let part = Part::from(plan.database.family());
    let sent = |member: Option<&str>| {
        let lines = plan.lines_of(member).filter(|line| line.sent_by.is_some());
        lines
            .filter_map(|line| Some((line.setting, line.value.clone()?)))
            .collect()
    };
    let mut resources = vec![Resource {
        part,
        identifier: plan.name.clone(),
        snapshot: Some(plan.point.name().to_owned()),
        cluster: None,
        settings: sent(None),
        tags: plan.tags.clone(),
    }];
    resources.extend(plan.members.iter().map(|(member, tags)| Resource {
        part: Part::Member,
        identifier: member.clone(),
        snapshot: None,
        cluster: Some(plan.name.clone()),
        settings: sent(Some(member)),
        tags: tags.clone(),
    }));
    let taken_at = plan.taken_at;
    let taken_at = taken_at.map_or_else(|| "an unknown time".to_owned(), |at| at.to_string());
    let mut header = vec![
        format!("Restores {} from {}.", plan.database, plan.point),
        format!("Its data is of {taken_at}."),
    ];
    if part == Part::Instance {
        header.push(
            "With backups on, RDS may first make a full backup, which takes hours: set the retention to 0 for the start."
                .to_owned(),
        );
    }
    for gap in &plan.gaps {
        let member = gap.member.as_ref();
        let of = member.map_or_else(String::new, |member| format!(" of {member}"));
        header.push(format!("Not as it was ({}{of}): {}.", gap.kind, gap.what));
    }
    Described {
        form: TemplateForm::Make,
        header,
        resources,
    }
}
