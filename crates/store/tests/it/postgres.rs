//! The SQL that is said to be shared, on a real PostgreSQL 15: the schema as it is in the source,
//! and every statement that the sources hold, apart from a list of those that are SQLite's own.
//! Skipped, with a message, where PostgreSQL is not installed; `STRONGROOM_POSTGRES=required`
//! makes that a failure.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

/// The statements that are SQLite's own, by how they begin. Another engine has its own in their
/// place: how a connection is set up, how a transaction begins, how the log is emptied, how the
/// whole is copied into a file.
const SQLITE_ONLY: &[&str] = &["PRAGMA ", "BEGIN IMMEDIATE", "VACUUM INTO "];

/// What stands for a name that is put in when the program runs.
const NAMES: &[(&str, &str)] = &[("{name}", "s1"), ("{table}", "due")];

/// A PostgreSQL of its own, in a directory that goes away with it, reached by a socket in it.
struct Cluster {
    dir: TempDir,
}

impl Cluster {
    fn start() -> Option<Self> {
        if !Path::new(PROGRAMS).join("pg_ctl").exists() {
            let required = std::env::var_os("STRONGROOM_POSTGRES").is_some_and(|v| v == "required");
            assert!(!required, "PostgreSQL 15 is not installed");
            eprintln!("SKIPPED: PostgreSQL 15 is not installed (Debian: postgresql-15)");
            return None;
        }
        // Short, since it becomes the path of a socket; and the server's user must reach it.
        let dir = tempfile::Builder::new().prefix("sr-pg-").tempdir_in("/tmp").unwrap();
        let cluster = Self { dir };
        if let Some(user) = other_user(cluster.path()) {
            chown(cluster.path(), Some(user), None).unwrap();
        }
        let data = cluster.data();
        let data = data.to_str().unwrap();
        let init = ["-D", data, "-U", "strongroom", "--auth=trust", "--locale=C", "-E", "UTF8"];
        succeed(&cluster.run("initdb", &init));
        let options = format!("-c listen_addresses='' -k {}", cluster.path().display());
        let log = cluster.path().join("log");
        let log = log.to_str().unwrap();
        succeed(&cluster.run("pg_ctl", &["-D", data, "-w", "-l", log, "-o", &options, "start"]));
        Some(cluster)
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// A program of PostgreSQL, as a user that it takes: never root.
    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let program = Path::new(PROGRAMS).join(program);
        let mut command = match other_user(self.path()) {
            Some(_) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]);
                command.arg(program);
                command
            }
            None => Command::new(program),
        };
        command.current_dir(self.path()).env_remove("PGDATABASE").env_remove("PGOPTIONS");
        command.args(arguments).output().unwrap()
    }

    /// Runs SQL to its end or to its first error, and gives what it selects: rows by line, columns
    /// by `|`.
    fn sql(&self, text: &str) -> Result<String, String> {
        let host = self.path().to_str().unwrap();
        let common = ["-h", host, "-U", "strongroom", "-d", "postgres", "-X", "-q", "-A", "-t"];
        let output =
            self.run("psql", &[&common[..], &["-v", "ON_ERROR_STOP=1", "-c", text]].concat());
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.data();
        self.run("pg_ctl", &["-D", data.to_str().unwrap(), "-m", "immediate", "stop"]);
    }
}

/// `nobody`, if this is root's process.
fn other_user(dir: &Path) -> Option<u32> {
    // The directory is this process's, or was given away because this is root.
    const NOBODY: u32 = 65_534;
    let owner = fs::metadata(dir).unwrap().uid();
    (owner == 0 || owner == NOBODY).then_some(NOBODY)
}

fn succeed(output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every string of the sources that is SQL, with the names put in, as PostgreSQL spells parameters.
fn statements() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(sources()).unwrap() {
        let path = entry.unwrap().path();
        // What lays SQLite's tables out holds pieces of the schema, which is tried as a whole.
        if path.extension().is_none_or(|e| e != "rs") || path.ends_with("schema.rs") {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        found.extend(strings(code).into_iter().filter(|s| is_sql(s)).map(|sql| {
            let named = NAMES.iter().fold(sql, |sql, (hole, name)| sql.replace(hole, name));
            named.replace('?', "$")
        }));
    }
    found
}

/// The strings of a source text. Comments and characters must not be taken for some.
fn strings(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, line) in code.split_inclusive('\n').scan(0, |at, line| {
        let here = *at;
        *at += line.len();
        Some((here, line))
    }) {
        let before = line.find("//").unwrap_or(line.len());
        for (column, _) in line.match_indices('"').filter(|(column, _)| *column < before) {
            found.extend(string_at(&code[at + column + 1..]));
        }
    }
    found
}

/// The string that begins here, if this is the beginning of one: escapes and line ends undone.
fn string_at(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some(out),
            '\\' => match characters.next()? {
                '\n' => characters = characters.as_str().trim_start().chars(),
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
}

fn is_sql(text: &str) -> bool {
    const VERBS: &[&str] = &[
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "WITH",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT",
        "RELEASE",
        "PRAGMA",
        "CREATE",
        "DROP",
        "ALTER",
        "VACUUM",
        "REPLACE",
        "ATTACH",
        "ANALYZE",
    ];
    text.split_whitespace().next().is_some_and(|word| {
        let word = word.trim_end_matches(';');
        VERBS.contains(&word)
    })
}

#[test]
fn the_schema_and_every_shared_statement_run_on_postgresql_15() {
    let Some(cluster) = Cluster::start() else { return };
    assert!(cluster.sql("SHOW server_version").unwrap().starts_with("15."));
    cluster.sql(&fs::read_to_string(sources().join("schema.sql")).unwrap()).unwrap();

    let (mut prepared, mut run) = (0, 0);
    for sql in statements() {
        if SQLITE_ONLY.iter().any(|own| sql.starts_with(own)) {
            continue;
        }
        let queries = ["SELECT", "INSERT", "UPDATE", "DELETE"];
        let text = if queries.iter().any(|verb| sql.starts_with(verb)) {
            prepared += 1;
            format!("PREPARE p AS {sql}")
        } else {
            // What begins, ends and divides transactions cannot be prepared, so it is run.
            run += 1;
            match sql.as_str() {
                "BEGIN" | "COMMIT" | "ROLLBACK" => format!("BEGIN; {sql}; COMMIT"),
                _ => format!("BEGIN; SAVEPOINT s1; {sql}; COMMIT"),
            }
        };
        cluster.sql(&text).unwrap_or_else(|error| panic!("{sql}\n{error}"));
    }
    // Should the search miss many, this is where it shows.
    assert!(prepared >= 30 && run >= 5, "{prepared} prepared, {run} run");
}

#[test]
fn what_the_columns_hold_on_sqlite_they_hold_on_postgresql_15() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.sql(&fs::read_to_string(sources().join("schema.sql")).unwrap()).unwrap();
    // The largest of each kind: a site and an object type have 32 bits without a sign, a clock and
    // a sequence number 63; bytes of any value.
    let (large, wide) = (u32::MAX, i64::MAX);
    cluster
        .sql(&format!(
            "INSERT INTO journal VALUES ({large}, {wide}, {wide}, 'a', {}, '\\x00ff', '\\x', \
             '\\x31', '\\x00'); \
             INSERT INTO objects VALUES ('b', {large}, 'o', 4, {wide}, {large}, '\\x00', '\\x00'); \
             INSERT INTO objects VALUES ('B', 2, 'o', 4, {wide}, NULL, '\\x00', '\\x00'); \
             INSERT INTO due VALUES ({wide}, 'b'); \
             INSERT INTO meta VALUES ('k', '\\x313233')",
            u16::MAX
        ))
        .unwrap();
    let read = cluster.sql("SELECT site, seq, hlc, body FROM journal").unwrap();
    assert_eq!(read, format!("{large}|{wide}|{wide}|\\x00ff"));
    // By bytes, as SQLite does it and as the code that sorts in memory does.
    let order = cluster.sql("SELECT id FROM objects ORDER BY created, id").unwrap();
    assert_eq!(order, "B\nb");
    assert_eq!(cluster.sql("SELECT value FROM meta").unwrap(), "\\x313233");
}

#[test]
fn the_statements_are_found_where_they_stand() {
    let found = statements();
    for sql in [
        "SELECT row, mac FROM objects WHERE id = $1",
        "SELECT id FROM attribute_values WHERE attribute = $1 AND value = $2",
        "INSERT INTO due (at, id) VALUES ($1, $2)",
        "SAVEPOINT s1",
        "SELECT COUNT(*) FROM due",
    ] {
        assert!(found.contains(sql), "{sql} in {found:#?}");
    }
    // No hole is left that nobody fills.
    let open: Vec<_> = found
        .iter()
        .filter(|sql| !SQLITE_ONLY.iter().any(|own| sql.starts_with(own)))
        .filter(|sql| sql.contains('{'))
        .collect();
    assert!(open.is_empty(), "{open:?}");
}
