//! `strongroom approval`.

use clap::{Args, Subcommand};

use super::change::{Ask, Try};
use super::client::{Client, encode};
use super::output::{cut, pairs, show, span, table, time};
use super::root::confirm;
use super::{Done, Reach};
use crate::admin::approvals::{
    ApprovalRuleView, ApprovalRules, ApprovalView, Approve as Body, EndApproval, NewApprovalRule,
};
use crate::admin::types::KeyView;
use crate::errors::{self, Exit, Fault};
use crate::service::preset;

/// Approvals: what waits for a second person, and what has to.
#[derive(Subcommand)]
pub enum Approval {
    /// What waits.
    List(List),
    /// One request: what is asked, of which key, and who has agreed.
    Show(Show),
    /// Agree. Who asked never can; the rule says who may.
    Approve(Approve),
    /// Say no. It is over then; it can be asked anew.
    Reject(End),
    /// Take one's own request back.
    Withdraw(End),
    /// What has to wait.
    Rules(Rules),
    /// Have actions wait for approval, from the next request on.
    Require(Require),
    /// Lift a rule. It waits itself for what the strictest rule asks for.
    Waive(Waive),
}

/// What waits.
#[derive(Args)]
pub struct List {
    /// Those that are over, too.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    reach: Reach,
}

/// One request.
#[derive(Args)]
pub struct Show {
    /// Its identifier.
    id: String,
    #[command(flatten)]
    reach: Reach,
}

/// Agree.
#[derive(Args)]
pub struct Approve {
    /// The request's identifier.
    id: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

/// Say no, or take it back.
#[derive(Args)]
pub struct End {
    /// The request's identifier.
    id: String,
    /// Why.
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

/// What has to wait.
#[derive(Args)]
pub struct Rules {
    #[command(flatten)]
    reach: Reach,
}

/// Have actions wait.
#[derive(Args)]
pub struct Require {
    /// The rule's name; the preset's if none is given.
    #[arg(required_unless_present = "preset")]
    name: Option<String>,
    /// A set of actions that belong together: two-officers, by which no officer changes who may,
    /// grants, opens the root key to others, or destroys, exports or imports a key, alone.
    #[arg(long, value_parser = ["two-officers"])]
    preset: Option<String>,
    /// A KMIP operation or an administrative action; may be given several times.
    #[arg(long = "on", value_name = "ACTION", required_unless_present = "preset")]
    on: Vec<String>,
    /// Only for keys of this key group.
    #[arg(long)]
    key_group: Option<String>,
    /// How many must agree, beside who asks. Default: 1.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=16))]
    approvers: Option<u32>,
    /// Who may: role:ROLE or group:GROUP. Default: role:officer.
    #[arg(long)]
    from: Option<String>,
    /// How long a request stays open: 30m, 24h, 7d. Default: 24h.
    #[arg(long)]
    open_for: Option<String>,
    #[command(flatten)]
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

/// Lift a rule.
#[derive(Args)]
pub struct Waive {
    /// The rule's name.
    name: String,
    #[command(flatten)]
    how: Try,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    reach: Reach,
}

const OFFICER: &[&str] = &["officer"];
const ANYBODY: &[&str] = &["officer", "custodian", "sysadmin", "auditor", "client"];

impl Approval {
    pub fn run(self) -> Done {
        match self {
            Self::List(c) => c.run(),
            Self::Show(c) => c.run(),
            Self::Approve(c) => c.run(),
            Self::Reject(c) => c.run("reject", "Rejected"),
            Self::Withdraw(c) => c.run("withdraw", "Withdrawn"),
            Self::Rules(c) => c.run(),
            Self::Require(c) => c.run(),
            Self::Waive(c) => c.run(),
        }
    }
}

fn path(id: &str) -> String {
    format!("/v1/approvals/{}", encode(id))
}

impl List {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, ANYBODY)?;
        let mut rows: Vec<ApprovalView> = client.all("/v1/approvals")?;
        if !self.all {
            rows.retain(|row| ["waiting", "approved", "not needed"].contains(&row.state.as_str()));
        }
        show(self.reach.output, &rows, |rows| {
            if rows.is_empty() {
                return match self.all {
                    true => "No request for approval is in the list.\n".to_owned(),
                    false => "Nothing waits for approval.\n".to_owned(),
                };
            }
            list_text(rows)
        })?;
        Ok(Exit::Ok)
    }
}

/// Requests as a table.
fn list_text(rows: &[ApprovalView]) -> String {
    let row = |row: &ApprovalView| {
        let about = row.key.as_deref().or_else(|| fact(row, "Path")).unwrap_or("");
        // What it is beside (making an approver, changing a rule) is no word for it.
        let what = fact(row, "Operation").or_else(|| fact(row, "Request"));
        let what = what.or_else(|| row.actions.first().map(String::as_str)).unwrap_or("");
        vec![
            cut(&row.id, 20),
            row.state.clone(),
            cut(&row.user, 14),
            cut(what, 24),
            about.to_owned(),
        ]
    };
    let cells: Vec<_> = rows.iter().map(row).collect();
    table(&["Id", "State", "Asked by", "Request", "About"], &cells)
}

fn fact<'a>(row: &'a ApprovalView, name: &str) -> Option<&'a str> {
    row.plan.iter().find(|fact| fact.name == name).map(|fact| fact.value.as_str())
}

/// What hangs on a request's key, as far as whoever looks may know it.
fn blast_radius(client: &Client, of: &ApprovalView) -> Option<String> {
    let id = of.key.as_ref()?;
    let key: KeyView = client.get(&format!("/v1/keys/{}", encode(id))).ok()?;
    Some(key.last_use.as_ref().map_or_else(
        || "it was not used lately".to_owned(),
        |used| format!("{} by {}, {}", used.operation, used.actor, time(used.time)),
    ))
}

fn view_text(of: &ApprovalView, last_use: Option<String>) -> String {
    let open = ["waiting", "approved", "not needed"].contains(&of.state.as_str());
    let mut rows = vec![
        ("Approval", of.id.clone()),
        ("State", of.state.clone()),
        ("Asked by", format!("{}, {}", of.user, time(of.opened))),
    ];
    if open {
        rows.push(("Open until", time(of.expires.saturating_mul(1000))));
    }
    for need in &of.needs {
        let by = match need.approved_by.as_slice() {
            [] => "nobody yet".to_owned(),
            users => users.join(", "),
        };
        rows.push(("Needs", format!("{}: {by}", need.asks)));
    }
    for fact in &of.discounted {
        rows.push(("Does not count", format!("{}: {}", fact.name, fact.value)));
    }
    if let Some(end) = &of.ended {
        let why = if end.reason.is_empty() { String::new() } else { format!(": {}", end.reason) };
        rows.push(("Ended", format!("by {}, {}{why}", end.by, time(end.at))));
    }
    rows.push(("Digest", of.digest.clone()));
    let mut out = pairs(&rows);
    out.push_str("\nWhat is asked for\n");
    let mut plan: Vec<(&str, String)> =
        of.plan.iter().map(|fact| (fact.name.as_str(), fact.value.clone())).collect();
    if let Some(last_use) = last_use {
        plan.push(("Last use", last_use));
    }
    out.push_str(&pairs(&plan));
    out
}

impl Show {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, ANYBODY)?;
        let view: ApprovalView = client.get(&path(&self.id))?;
        let last_use = blast_radius(&client, &view);
        show(self.reach.output, &view, |view| view_text(view, last_use))?;
        Ok(Exit::Ok)
    }
}

impl Approve {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, ANYBODY)?;
        let view: ApprovalView = client.get(&path(&self.id))?;
        if !self.yes && !self.how.dry_run {
            let last_use = blast_radius(&client, &view);
            let name = fact(&view, "Name").or(view.key.as_deref()).unwrap_or(&view.id).to_owned();
            confirm(false, view_text(&view, last_use).trim_end(), &name)?;
        }
        let body = Body { digest: view.digest };
        let path = format!("{}/approve", path(&self.id));
        let done = client.change::<ApprovalView>(Ask::post(&path, self.how), &body)?;
        done.show(self.reach.output, |view| match view.state.as_str() {
            "approved" => format!("Approved: {} can send the request again now.\n", view.user),
            _ => {
                let asks: Vec<_> = view.needs.iter().map(|need| need.asks.as_str()).collect();
                folded(&format!("Approved; it still waits for {}.", asks.join("; and ")))
            }
        })?;
        Ok(Exit::Ok)
    }
}

impl End {
    fn run(self, verb: &str, done: &str) -> Done {
        let client = Client::new(&self.reach, ANYBODY)?;
        let body = EndApproval { reason: self.reason };
        let path = format!("{}/{verb}", path(&self.id));
        let ended = client.change::<ApprovalView>(Ask::post(&path, self.how), &body)?;
        ended.show(self.reach.output, |view| format!("{done}: {}.\n", view.id))?;
        Ok(Exit::Ok)
    }
}

fn rules_text(rules: &ApprovalRules) -> String {
    if rules.rules.is_empty() {
        return "Nothing has to wait for approval.\n".to_owned();
    }
    let one = |of: &ApprovalRuleView| {
        let rule = &of.rule;
        let mut rows = vec![
            ("Rule", of.name.clone()),
            ("Actions", rule.actions.join(", ")),
            ("Approvals", format!("{} from {}", rule.approvers, rule.from)),
            ("Open for", span(i64::from(rule.open_for))),
        ];
        if let Some(group) = &rule.key_group {
            rows.insert(1, ("Key group", group.clone()));
        }
        pairs(&rows)
    };
    rules.rules.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn folded(text: &str) -> String {
    format!("{}\n", crate::config::table::fold(text, 80).join("\n"))
}

impl Rules {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, ANYBODY)?;
        let rules: ApprovalRules = client.get("/v1/approval-rules")?;
        show(self.reach.output, &rules, rules_text)?;
        Ok(Exit::Ok)
    }
}

impl Require {
    fn run(self) -> Done {
        let (name, rule) = self.rule()?;
        let client = Client::new(&self.reach, OFFICER)?;
        let current: ApprovalRules = client.get("/v1/approval-rules")?;
        let path = format!("/v1/approval-rules/{}", encode(&name));
        let ask = Ask { etag: Some(&current.etag), ..Ask::put(&path, self.how) };
        client.change::<ApprovalRules>(ask, &rule)?.show(self.reach.output, rules_text)?;
        Ok(Exit::Ok)
    }

    fn rule(&self) -> Result<(String, NewApprovalRule), Fault> {
        let preset = self.preset.as_deref().and_then(preset);
        let seconds = |text: &String| {
            let time = crate::config::parse_duration(text);
            time.and_then(|time| u32::try_from(time.as_secs()).ok()).ok_or_else(|| {
                Fault::new(errors::INPUT, format!("`{text}` is no time, such as 30m, 24h or 7d."))
            })
        };
        let open_for = self.open_for.as_ref().map(seconds).transpose()?;
        let base = preset.unwrap_or_else(|| ApprovalRuleView {
            name: String::new(),
            rule: NewApprovalRule {
                actions: Vec::new(),
                key_group: None,
                approvers: 1,
                from: "role:officer".to_owned(),
                open_for: 86_400,
            },
        });
        let rule = NewApprovalRule {
            actions: if self.on.is_empty() { base.rule.actions } else { self.on.clone() },
            key_group: self.key_group.clone(),
            approvers: self.approvers.unwrap_or(base.rule.approvers),
            from: self.from.clone().unwrap_or(base.rule.from),
            open_for: open_for.unwrap_or(base.rule.open_for),
        };
        Ok((self.name.clone().unwrap_or(base.name), rule))
    }
}

impl Waive {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        let current: ApprovalRules = client.get("/v1/approval-rules")?;
        if !self.how.dry_run {
            let what = format!("What rule {} asks for is not asked for any more.", self.name);
            confirm(self.yes, &what, &self.name)?;
        }
        let path = format!("/v1/approval-rules/{}", encode(&self.name));
        let ask = Ask { etag: Some(&current.etag), ..Ask::delete(&path, self.how) };
        let rules = client.change::<ApprovalRules>(ask, &serde_json::json!({}))?;
        rules.show(self.reach.output, rules_text)?;
        Ok(Exit::Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::approvals::{ApprovalEnd, ApprovalNeed};
    use crate::admin::types::Fact;

    fn view(plan: &[(&str, &str)], actions: &[&str]) -> ApprovalView {
        let fact = |(name, value): &(&str, &str)| Fact {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        ApprovalView {
            id: "1-42-9d3c".into(),
            state: "waiting".into(),
            user: "olga".into(),
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
            key: None,
            key_groups: Vec::new(),
            plan: plan.iter().map(fact).collect(),
            digest: String::new(),
            opened: 0,
            expires: 0,
            needs: Vec::new(),
            discounted: Vec::new(),
            ended: None,
        }
    }

    #[test]
    fn the_list_names_each_request_whole_by_one_word_for_it() {
        let text = list_text(&[
            view(
                &[("Request", "Renew Server Certificate"), ("Path", "DELETE /v1/approval-rules/x")],
                &["change-approvals", "change-rule:two-officers", "enter-role:officer"],
            ),
            view(&[("Operation", "Re-key Key Pair")], &["Re-key Key Pair"]),
        ]);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        for said in ["Renew Server Certificate", "Re-key Key Pair", "DELETE /v1"] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert!(!text.contains("change-rule") && !text.contains("enter-role"), "{text}");
    }

    #[test]
    fn a_request_is_shown_in_80_columns() {
        let long = "word ".repeat(40);
        let view = ApprovalView {
            id: "0123456789".into(),
            state: "rejected".into(),
            user: "olga".into(),
            actions: vec!["Destroy".into()],
            key: Some("0192f3c4-5d6e-7f80-9123-456789abcdef".into()),
            key_groups: Vec::new(),
            plan: vec![Fact { name: "Name".into(), value: long.clone() }],
            digest: "ab".repeat(32),
            opened: 0,
            expires: 86_400,
            needs: vec![ApprovalNeed { asks: long.clone(), approved_by: Vec::new() }],
            discounted: vec![Fact { name: "olga".into(), value: long.clone() }],
            ended: Some(ApprovalEnd { by: "otto".into(), reason: long, at: 0 }),
        };
        let text = view_text(&view, Some("Get by db-07".into()));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("Get by db-07"), "{text}");
    }
}
