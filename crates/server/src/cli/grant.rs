//! `strongroom key grant`, `key withdraw`, `key grants` and `key group`.

use clap::{Args, Subcommand};

use super::blast::{Blast, used};
use super::change::{Ask, Try};
use super::client::{Client, encode};
use super::key::identify;
use super::output::{cut, folding_table, show};
use super::role::told;
use super::{Done, Reach};
use crate::admin::types::{Changed, GrantChange, GrantRow, KeyGroupRow, UsesView};
use crate::errors::{Exit, Fault};

/// Give or withdraw operations on a key or a key group.
#[derive(Args)]
#[command(override_usage = "strongroom key grant [OPTIONS] --operation <OPERATIONS>
                            <ID_OR_NAME|--key-group <GROUP>>
                            <--user <USER>|--group <GROUP>>")]
pub struct Give {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    subject: Subject,
    /// KMIP operations, with commas between them: Get,Encrypt,Decrypt. Get implies nothing else.
    #[arg(long, value_delimiter = ',', required = true, value_name = "OPERATIONS")]
    operation: Vec<String>,
    #[command(flatten)]
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

/// Withdraw what was granted.
#[derive(Args)]
#[command(override_usage = "strongroom key withdraw [OPTIONS] --operation <OPERATIONS>
                               <ID_OR_NAME|--key-group <GROUP>>
                               <--user <USER>|--group <GROUP>>")]
pub struct Withdraw {
    #[command(flatten)]
    give: Give,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// What a grant is on.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// The key: its identifier, or its name if no other key has that.
    #[arg(value_name = "ID_OR_NAME")]
    key: Option<String>,
    /// Every key of this key group, also those that come into it later.
    #[arg(long, value_name = "GROUP")]
    key_group: Option<String>,
}

/// Whom a grant is to.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Subject {
    /// The user: CN of the certificate.
    #[arg(long)]
    user: Option<String>,
    /// The group: OU of the certificate.
    #[arg(long)]
    group: Option<String>,
}

/// The grants on a key or a key group. Of a key also those that reach it through its key groups.
#[derive(Args)]
pub struct Grants {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    reach: Reach,
}

/// Key groups: sets of keys that grants and rules speak of.
#[derive(Subcommand)]
pub enum Group {
    /// Every key group, with its keys and grants.
    List(GroupList),
    /// Put a key into a key group. A group begins with its first key or grant.
    Add(Member),
    /// Take a key out of a key group.
    Remove(Leave),
}

/// Every key group.
#[derive(Args)]
pub struct GroupList {
    #[command(flatten)]
    reach: Reach,
}

/// A key and a key group.
#[derive(Args)]
pub struct Member {
    /// The key group.
    group: String,
    /// The key: its identifier, or its name if no other key has that.
    #[arg(value_name = "ID_OR_NAME")]
    key: String,
    #[command(flatten)]
    how: Try,
    #[command(flatten)]
    reach: Reach,
}

/// A key that leaves a key group.
#[derive(Args)]
pub struct Leave {
    #[command(flatten)]
    member: Member,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

const OFFICER: &[&str] = &["officer"];
const READERS: &[&str] = &["officer", "auditor"];

impl Target {
    fn resolve(self, client: &Client) -> Result<(Option<String>, Option<String>), Fault> {
        let key = self.key.as_deref().map(|key| identify(client, key)).transpose()?;
        Ok((key, self.key_group))
    }
}

impl Withdraw {
    pub fn run(self) -> Done {
        self.give.run_as(false, self.yes)
    }
}

/// Who used what a grant is on, so that whoever withdraws it sees whom that hits.
fn blast(client: &Client, change: &GrantChange) -> Result<Blast, Fault> {
    let (on, uses) = match (&change.key, &change.key_group) {
        (Some(key), _) => (format!("key {key}"), format!("key={}", encode(key))),
        (_, group) => {
            let group = group.as_deref().unwrap_or_default();
            (format!("key group {group}"), format!("key_group={}", encode(group)))
        }
    };
    let uses: UsesView = client.get(&format!("/v1/uses?{uses}"))?;
    let what = format!("{} on {on} is withdrawn, from the next request on.", grant_of(change),);
    Ok(Blast::new(what).and(used(&uses, "It")))
}

/// The grant in words: what, to whom.
fn grant_of(change: &GrantChange) -> String {
    format!("The grant of {} to {}", change.operations.join(", "), whom(change))
}

fn whom(change: &GrantChange) -> String {
    match (&change.user, &change.group) {
        (Some(user), _) => format!("user {user}"),
        (_, group) => format!("group {}", group.as_deref().unwrap_or_default()),
    }
}

impl Give {
    pub fn run(self) -> Done {
        self.run_as(true, true)
    }

    fn run_as(self, give: bool, yes: bool) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        let path = if give { "/v1/grants" } else { "/v1/grants/withdraw" };
        let ask = Ask::post(path, self.how);
        let (key, key_group) = client.looked(self.target.resolve(&client), ask)?;
        let change = GrantChange {
            key,
            key_group,
            user: self.subject.user,
            group: self.subject.group,
            operations: self.operation,
        };
        if !yes && !self.how.dry_run {
            let word = change.user.as_deref().or(change.group.as_deref()).unwrap_or_default();
            client.looked(blast(&client, &change), ask)?.ask(word)?;
        }
        let changed = client.change::<Changed>(ask, &change)?;
        changed.show(self.reach.output, |changed| {
            let whom = whom(&change);
            let on = match (&change.key, &change.key_group) {
                (Some(key), _) => format!("key {key}"),
                (_, group) => format!("key group {}", group.as_deref().unwrap_or_default()),
            };
            let operations = change.operations.join(", ");
            if give {
                let done = format!("{whom} may {operations} on {on}.");
                told(changed, &done, "It was granted already.")
            } else {
                let done = format!("{} on {on} is withdrawn.", grant_of(&change));
                told(changed, &done, "It was not granted.")
            }
        })?;
        Ok(Exit::Ok)
    }
}

impl Grants {
    pub fn run(self) -> Done {
        let client = Client::new(&self.reach, READERS)?;
        let on = self.target.resolve(&client)?;
        let path = match &on {
            (Some(key), _) => format!("/v1/grants?key={}", encode(key)),
            (_, group) => {
                format!("/v1/grants?key_group={}", encode(group.as_deref().unwrap_or_default()))
            }
        };
        let grants: Vec<GrantRow> = client.all(&path)?;
        show(self.reach.output, &grants, |grants| {
            if grants.is_empty() {
                return "Nothing is granted: its owner may use it, and nobody else.\n".to_owned();
            }
            grants_text(grants, on.0.is_some())
        })?;
        Ok(Exit::Ok)
    }
}

/// Who may what; of a key also by what: the key's own grant, or a key group's.
fn grants_text(grants: &[GrantRow], of_key: bool) -> String {
    let rows = by_subject(grants).into_iter().map(|by| {
        let mut row = vec![cut(&by.whom, 30)];
        if of_key {
            row.push(match by.through {
                Some(group) => cut(&format!("key group {group}"), 26),
                None => "the key".to_owned(),
            });
        }
        row.push(by.operations.join(", "));
        row
    });
    let header: &[&str] =
        if of_key { &["To", "Granted on", "Operations"] } else { &["To", "Operations"] };
    folding_table(header, &rows.collect::<Vec<_>>())
}

/// What a subject may by grants on one thing.
struct BySubject {
    whom: String,
    /// The key group that it is granted on, if a key was asked about.
    through: Option<String>,
    operations: Vec<String>,
}

impl BySubject {
    fn text(&self) -> String {
        format!("{}: {}", cut(&self.whom, 40), self.operations.join(", "))
    }
}

/// One for each subject and what the grants are on, with all that it may.
fn by_subject(grants: &[GrantRow]) -> Vec<BySubject> {
    let mut rows: Vec<BySubject> = Vec::new();
    for grant in grants {
        let whom = match (&grant.user, &grant.group) {
            (Some(user), _) => format!("user {user}"),
            (_, group) => format!("group {}", group.as_deref().unwrap_or_default()),
        };
        let operation = grant.operation.clone();
        match rows.last_mut() {
            Some(last) if last.whom == whom && last.through == grant.key_group => {
                last.operations.push(operation);
            }
            _ => {
                let through = grant.key_group.clone();
                rows.push(BySubject { whom, through, operations: vec![operation] });
            }
        }
    }
    rows
}

impl Group {
    pub fn run(self) -> Done {
        match self {
            Self::List(c) => c.run(),
            Self::Add(c) => c.run(true, true),
            Self::Remove(c) => c.member.run(false, c.yes),
        }
    }
}

impl GroupList {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, READERS)?;
        let groups: Vec<KeyGroupRow> = client.all("/v1/key-groups")?;
        show(self.reach.output, &groups, |groups| {
            if groups.is_empty() {
                return "There are no key groups. The first key begins one: strongroom key group \
                        add GROUP KEY\n"
                    .to_owned();
            }
            let mut rows = Vec::new();
            for group in groups {
                let mut first = vec![cut(&group.name, 24), group.keys.to_string()];
                for row in by_subject(&group.grants) {
                    first.push(row.text());
                    rows.push(core::mem::replace(&mut first, vec![String::new(), String::new()]));
                }
                if first.len() == 2 && !first.iter().all(String::is_empty) {
                    first.push("nothing granted".to_owned());
                    rows.push(first);
                }
            }
            folding_table(&["Key group", "Keys", "Grants"], &rows)
        })?;
        Ok(Exit::Ok)
    }
}

impl Member {
    fn run(self, member: bool, yes: bool) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        let path = |key| format!("/v1/key-groups/{}/keys/{}", encode(&self.group), encode(key));
        fn asked(path: &str, member: bool, how: Try) -> Ask<'_> {
            if member { Ask::put(path, how) } else { Ask::delete(path, how) }
        }
        let named = path(&self.key);
        let id = identify(&client, &self.key);
        let id = client.looked(id, asked(&named, member, self.how))?;
        let path = path(&id);
        let ask = asked(&path, member, self.how);
        if !yes && !self.how.dry_run {
            client.looked(self.blast(&client, &id), ask)?.ask(&self.group)?;
        }
        let changed = client.change::<Changed>(ask, &serde_json::json!({}))?;
        changed.show(self.reach.output, |changed| {
            let group = &self.group;
            let (done, already) = if member {
                (format!("{id} is in {group}."), "It is in that key group already.")
            } else {
                (format!("{id} is not in {group}."), "It is not in that key group.")
            };
            told(changed, &done, already)
        })?;
        Ok(Exit::Ok)
    }

    /// Who loses the key with the group.
    fn blast(&self, client: &Client, id: &str) -> Result<Blast, Fault> {
        let grants: Vec<GrantRow> =
            client.all(&format!("/v1/grants?key_group={}", encode(&self.group)))?;
        let uses: UsesView = client.get(&format!("/v1/uses?key={}", encode(id)))?;
        let mut blast = Blast::new(format!(
            "{id} leaves the key group {}: grants and rules about the group do not hold for it any \
             more.",
            self.group
        ));
        for row in by_subject(&grants) {
            blast = blast.and(format!("Granted on the group to {}.", row.text()));
        }
        Ok(blast.and(used(&uses, "The key")))
    }
}
