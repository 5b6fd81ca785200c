//! `snapferry doctor`: what would fail at three in the morning, each with its fix.

use std::io::Write;

use serde::Serialize;

use super::arguments::{DoctorArguments, StackArguments, variables};
use super::outcome::{CliError, Ended};
use super::show::{short, table, write_json, write_table};
use crate::app::doctor::{self, DoctorScope, diagnose};
use crate::aws::{Aws, Examines, for_operators, patient, sign_on_region};
use crate::domain::doctor::{Finding, Level, in_order, is_well};
use crate::domain::id::arn::Region;
use crate::domain::policy::file::hint;
use crate::settings::{DoctorSettings, Faults, SettingsError};

const SOURCE_REGION: &str = "--source-region";

pub(super) async fn execute(
    stack: &StackArguments,
    options: &DoctorArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let doctor_settings = DoctorSettings::from_variables(variables(environment, stack.flags()))?;
    let mut order = order(options, &doctor_settings)?;
    order.log_in = sign_on_region(stack.profile.as_deref()).await;
    let home = &doctor_settings.stack_facts.home;
    let sdk = patient(for_operators(home, stack.profile.as_deref()).await);
    let aws = Aws::new(sdk, doctor_settings.stack_facts.table.clone(), Examines);
    run_doctor(&aws, &doctor_settings, &order, stack.format.is_json(), out).await
}

/// Refuses a region that is not one of the stack's source regions: an empty answer would look like good health.
fn order(
    options: &DoctorArguments,
    doctor_settings: &DoctorSettings,
) -> Result<DoctorScope, SettingsError> {
    let known = &doctor_settings.stack_facts.source_regions;
    let mut faults = Faults::default();
    let mut regions = Vec::new();
    for name in &options.source_regions {
        match faults.take(SOURCE_REGION, Region::parse(name)) {
            Some(region) if known.contains(&region) => regions.push(region),
            Some(region) => faults.add(format!(
                "{SOURCE_REGION}: {region} is not in SNAPFERRY_SOURCE_REGIONS{}",
                hint(region.as_str(), known.iter().map(Region::as_str))
            )),
            None => {}
        }
    }
    faults.finish(Some(DoctorScope {
        regions,
        databases: options.databases.clone(),
        log_in: None,
    }))
}

/// Checks everything, and reports the findings, the worst first.
///
/// # Errors
/// If the answer cannot be written. What could not be checked is not an error: the answer says so.
pub async fn run_doctor<W: doctor::Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    order: &DoctorScope,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let findings = in_order(diagnose(world, doctor_settings, order).await);
    if json {
        write_json(out, &DoctorJson::of(&findings))?;
    } else {
        write(out, &findings)?;
    }
    Ok(if is_well(&findings) {
        Ended::Well
    } else {
        Ended::Badly
    })
}

fn write(out: &mut impl Write, findings: &[Finding]) -> Result<(), CliError> {
    let mut rows = table(["LEVEL", "CHECK", "SUBJECT", "WHAT", "REMEDY"]);
    for finding in findings {
        rows.add_row([
            finding.level.as_str().to_owned(),
            finding.check.to_string(),
            finding.subject.clone(),
            short(&finding.what),
            finding.remedy.as_deref().map_or("-".to_owned(), short),
        ]);
    }
    write_table(out, &rows)?;
    let Counts {
        failure,
        warning,
        unknown,
        ok,
    } = Counts::of(findings);
    writeln!(
        out,
        "\nfailures: {failure}, warnings: {warning}, unknown: {unknown}, ok: {ok}"
    )?;
    Ok(())
}

#[derive(Serialize)]
struct Counts {
    failure: usize,
    warning: usize,
    unknown: usize,
    ok: usize,
}

impl Counts {
    fn of(findings: &[Finding]) -> Self {
        let of = |level| findings.iter().filter(|one| one.level == level).count();
        Self {
            failure: of(Level::Failure),
            warning: of(Level::Warning),
            unknown: of(Level::Unknown),
            ok: of(Level::Ok),
        }
    }
}

#[derive(Serialize)]
struct DoctorJson<'a> {
    findings: Vec<FindingJson<'a>>,
    counts: Counts,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    level: &'static str,
    check: &'static str,
    subject: &'a str,
    what: &'a str,
    remedy: Option<&'a str>,
}

impl<'a> DoctorJson<'a> {
    fn of(findings: &'a [Finding]) -> Self {
        let rows = findings.iter().map(|finding| FindingJson {
            level: finding.level.as_str(),
            check: finding.check.as_str(),
            subject: &finding.subject,
            what: &finding.what,
            remedy: finding.remedy.as_deref(),
        });
        Self {
            findings: rows.collect(),
            counts: Counts::of(findings),
        }
    }
}
