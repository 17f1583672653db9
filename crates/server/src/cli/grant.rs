//! `strongroom key grant`, `key withdraw`, `key grants` and `key group`.

use clap::{Args, Subcommand};

use super::blast::{Blast, used};
use super::change::{Ask, Try};
use super::client::{Client, encode};
use super::key::identify;
use super::output::{cut, show, table};
use super::role::told;
use super::{Done, Reach};
use crate::admin::types::{Changed, GrantChange, GrantRow, KeyGroupRow, UsesView};
use crate::errors::{Exit, Fault};

/// Give or withdraw operations on a key or a key group.
#[derive(Args)]
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

/// The grants on a key or a key group.
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
    let what = format!(
        "{} may not by a grant {} on {on}, from the next request on.",
        whom(change),
        change.operations.join(", ")
    );
    Ok(Blast::new(what).and(used(&uses, "It")))
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
        let (key, key_group) = self.target.resolve(&client)?;
        let change = GrantChange {
            key,
            key_group,
            user: self.subject.user,
            group: self.subject.group,
            operations: self.operation,
        };
        let path = if give { "/v1/grants" } else { "/v1/grants/withdraw" };
        if !yes && !self.how.dry_run {
            let word = change.user.as_deref().or(change.group.as_deref()).unwrap_or_default();
            blast(&client, &change)?.ask(word)?;
        }
        let changed = client.change::<Changed>(Ask::post(path, self.how), &change)?;
        changed.show(self.reach.output, |changed| {
            let whom = whom(&change);
            let on = match (&change.key, &change.key_group) {
                (Some(key), _) => format!("key {key}"),
                (_, group) => format!("key group {}", group.as_deref().unwrap_or_default()),
            };
            let operations = change.operations.join(", ");
            let (may, already) = if give {
                ("may", "It was granted already.")
            } else {
                ("may not by a grant", "It was not granted.")
            };
            told(changed, &format!("{whom} {may} {operations} on {on}."), already)
        })?;
        Ok(Exit::Ok)
    }
}

impl Grants {
    pub fn run(self) -> Done {
        let client = Client::new(&self.reach, READERS)?;
        let path = match self.target.resolve(&client)? {
            (Some(key), _) => format!("/v1/grants?key={}", encode(&key)),
            (_, group) => format!("/v1/grants?key_group={}", encode(&group.unwrap_or_default())),
        };
        let grants: Vec<GrantRow> = client.all(&path)?;
        show(self.reach.output, &grants, |grants| {
            if grants.is_empty() {
                return "Nothing is granted: its owner may use it, and nobody else.\n".to_owned();
            }
            table(&["To", "Operations"], &by_subject(grants))
        })?;
        Ok(Exit::Ok)
    }
}

/// One row for each subject, with all that it may.
fn by_subject(grants: &[GrantRow]) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for grant in grants {
        let whom = match (&grant.user, &grant.group) {
            (Some(user), _) => format!("user {user}"),
            (_, group) => format!("group {}", group.as_deref().unwrap_or_default()),
        };
        let whom = cut(&whom, 40);
        match rows.last_mut().and_then(|row| match row.as_mut_slice() {
            [last, operations] if *last == whom => Some(operations),
            _ => None,
        }) {
            Some(operations) => {
                operations.push_str(", ");
                operations.push_str(&grant.operation);
            }
            None => rows.push(vec![whom, grant.operation.clone()]),
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
                    first.push(format!("{}: {}", row[0], row[1]));
                    rows.push(core::mem::replace(&mut first, vec![String::new(), String::new()]));
                }
                if first.len() == 2 && !first.iter().all(String::is_empty) {
                    first.push("nothing granted".to_owned());
                    rows.push(first);
                }
            }
            table(&["Key group", "Keys", "Grants"], &rows)
        })?;
        Ok(Exit::Ok)
    }
}

impl Member {
    fn run(self, member: bool, yes: bool) -> Done {
        let client = Client::new(&self.reach, OFFICER)?;
        let id = identify(&client, &self.key)?;
        let path = format!("/v1/key-groups/{}/keys/{}", encode(&self.group), encode(&id));
        if !yes && !self.how.dry_run {
            self.blast(&client, &id)?.ask(&self.group)?;
        }
        let ask = match member {
            true => Ask::put(&path, self.how),
            false => Ask::delete(&path, self.how),
        };
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
            blast = blast.and(format!("Granted on the group to {}.", row.join(": ")));
        }
        Ok(blast.and(used(&uses, "The key")))
    }
}
