//! The description of the admin API in OpenAPI 3.1, made from [`ROUTES`](super::ROUTES) and the
//! types that the handlers read and write.
//!
//! `doc/openapi.json` is [`document`], checked in; a test compares the two.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::access::{
    Changed, GrantChange, GrantQuery, GrantRow, KeyGroupRow, PolicyAnswer, PolicyDiff,
    PolicyQuestion, PolicyText, PolicyView, RoleGrant, RoleRow,
};
use super::approvals::{ApprovalRules, ApprovalView, Approve, EndApproval, NewApprovalRule};
use super::certificates::{
    AuthorityRow, CertificatesView, ClientIssued, ClientRow, ListParameters, NewClient,
    RecoverOfficer, RenewServer, RevokeClient, ServerCertificate, SignedList,
};
use super::dry_run::{self, Plan};
use super::export::Parameters as ExportParameters;
use super::handlers::{AuditParameters, KeyParameters};
use super::keys::{
    CreateKey, DestroyKey, ExpiringRow, ImportKeys, ImportedRow, KeyCreated, KeyDestroyed,
    RevokeKey, UsesTarget, UsesView, Within,
};
use super::pages::{Page, Which};
use super::replica::{PromoteReplica, ReplicaReport, ReplicasAllowed};
use super::retention::{RetentionDone, RetentionView};
use super::types::{
    AuditKey, AuditPage, AuditRecord, AuditVerdict, ConfirmRestore, Health, KeyPage, KeyRotated,
    KeyView, NewRootKey, NewSlot, PreparedRootKey, Problem, ReplaceRootKey, RestoreConfirmed,
    RootKeyReplaced, Rotate, Rotation, SharesVerified, Slot, SlotAdded, Status, Unseal,
    UnsealProgress, VerifyAnchors, VerifyShares,
};
use super::{ROUTES, Route};

/// Makes the schema of a type and notes it among the components.
type Make = fn(&mut SchemaGenerator) -> Schema;

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn query_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// What an answer is.
enum Answer {
    /// JSON of a type.
    Json(Make),
    /// An object with this one member, which echoes what was done.
    Echo(&'static str, &'static str),
    /// Bytes of these media types.
    Stream(&'static [&'static str]),
}

/// What a route takes and gives.
struct Described {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    query: Option<Make>,
    body: Option<Make>,
    /// Whether the body may be left out.
    optional: bool,
    answer: Answer,
    /// Whether it takes an `Idempotency-Key`.
    idempotent: bool,
    /// Whether it takes `If-Match`, and gives `ETag`.
    matched: bool,
}

impl Described {
    fn new(method: &'static str, path: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            path,
            summary,
            query: None,
            body: None,
            optional: false,
            answer: Answer::Echo("", ""),
            idempotent: false,
            matched: false,
        }
    }

    fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(query_of::<T>);
        self
    }

    fn takes<T: JsonSchema>(mut self) -> Self {
        self.body = Some(of::<T>);
        self
    }

    fn may_take<T: JsonSchema>(mut self) -> Self {
        self.optional = true;
        self.takes::<T>()
    }

    fn gives<T: JsonSchema>(mut self) -> Self {
        self.answer = Answer::Json(of::<T>);
        self
    }

    fn echoes(mut self, name: &'static str, kind: &'static str) -> Self {
        self.answer = Answer::Echo(name, kind);
        self
    }

    fn streams(mut self, kinds: &'static [&'static str]) -> Self {
        self.answer = Answer::Stream(kinds);
        self
    }

    fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    fn matched(mut self) -> Self {
        self.matched = true;
        self
    }
}

/// Every route, in the order of the table of routes.
fn described() -> Vec<Described> {
    let on = Described::new;
    vec![
        on("GET", "/health", "Whether requests are answered.").gives::<Health>(),
        on("GET", "/v1/status", "What the server does and what needs attention.").gives::<Status>(),
        on("POST", "/v1/root/unseal", "Open the root key: one share, a passphrase, or by itself.")
            .takes::<Unseal>()
            .gives::<UnsealProgress>(),
        on("POST", "/v1/root/seal", "Close the root key.").echoes("sealed", "boolean"),
        on("GET", "/v1/root/slots", "The slots of the root key.").gives::<Vec<Slot>>(),
        on("POST", "/v1/root/slots", "Add a slot.").takes::<NewSlot>().gives::<SlotAdded>(),
        on("DELETE", "/v1/root/slots/{id}", "Remove a slot.").echoes("removed", "integer"),
        on("POST", "/v1/root/slots/{id}/vouch", "Vouch that custodians hold a slot's shares.")
            .echoes("vouched", "integer"),
        on("POST", "/v1/root/verify-shares", "Prove that shares open the root key.")
            .takes::<VerifyShares>()
            .gives::<SharesVerified>(),
        on("POST", "/v1/root/recover-officer", "A new officer by a quorum of custodians.")
            .takes::<RecoverOfficer>()
            .gives::<ClientIssued>(),
        on("POST", "/v1/root/rotate", "Begin a new epoch of the key-encryption key.")
            .may_take::<Rotate>()
            .gives::<Rotation>(),
        on("GET", "/v1/root/rotate", "How far a rotation is.").gives::<Rotation>(),
        on("POST", "/v1/root/key", "Prepare a new root key; nothing changes yet.")
            .takes::<NewRootKey>()
            .gives::<PreparedRootKey>(),
        on("PUT", "/v1/root/key", "Put the prepared root key in the place of the old one.")
            .takes::<ReplaceRootKey>()
            .gives::<RootKeyReplaced>(),
        on("POST", "/v1/clock/confirm", "Vouch for the clock after a jump.")
            .echoes("confirmed", "boolean"),
        on("GET", "/v1/audit", "The newest records of the audit.")
            .query::<AuditParameters>()
            .gives::<AuditPage>(),
        on("GET", "/v1/audit/{chain}/{seq}", "One record.").gives::<AuditRecord>(),
        on("GET", "/v1/keys", "Keys and other managed objects.")
            .query::<KeyParameters>()
            .gives::<KeyPage>(),
        on("POST", "/v1/keys", "Make a key or a key pair.")
            .takes::<CreateKey>()
            .gives::<KeyCreated>()
            .idempotent(),
        on("GET", "/v1/keys/{id}", "One object, without its material.").gives::<KeyView>(),
        on("POST", "/v1/keys/{id}/activate", "Activate a key.").echoes("activated", "string"),
        on("POST", "/v1/keys/{id}/revoke", "Revoke a key.")
            .takes::<RevokeKey>()
            .echoes("revoked", "string"),
        on("POST", "/v1/keys/{id}/destroy", "Destroy a key's value, at once or later.")
            .may_take::<DestroyKey>()
            .gives::<KeyDestroyed>(),
        on("GET", "/v1/expiring", "What comes of keys by their dates.")
            .query::<Within>()
            .gives::<Page<ExpiringRow>>(),
        on("GET", "/v1/uses", "How something was used, and what hangs on a key.")
            .query::<UsesTarget>()
            .gives::<UsesView>(),
        on("POST", "/v1/import", "Import keys, all of them or none.")
            .takes::<ImportKeys>()
            .gives::<Vec<ImportedRow>>()
            .idempotent(),
        on("POST", "/v1/keys/{id}/rotate", "Replace a key by a new version.").gives::<KeyRotated>(),
        on("POST", "/v1/keys/{id}/recall", "Call a delayed destruction back.")
            .echoes("recalled", "string"),
        on("POST", "/v1/keys/{id}/archive", "Take an object off line.")
            .echoes("archived", "string"),
        on("POST", "/v1/keys/{id}/recover", "Bring an archived object back.")
            .echoes("recovered", "string"),
        on("GET", "/v1/policy", "The installation's own rules.").gives::<PolicyView>(),
        on("PUT", "/v1/policy", "Change the rules.")
            .takes::<PolicyText>()
            .gives::<PolicyView>()
            .matched(),
        on("POST", "/v1/policy/test", "Explain a decision.")
            .takes::<PolicyQuestion>()
            .gives::<PolicyAnswer>(),
        on("POST", "/v1/policy/diff", "What other rules would have decided otherwise.")
            .takes::<PolicyText>()
            .gives::<PolicyDiff>(),
        on("GET", "/v1/grants", "The grants on a key or a key group.")
            .query::<GrantQuery>()
            .gives::<Page<GrantRow>>(),
        on("POST", "/v1/grants", "Grant operations on a key or a key group.")
            .takes::<GrantChange>()
            .gives::<Changed>(),
        on("POST", "/v1/grants/withdraw", "Withdraw a grant.")
            .takes::<GrantChange>()
            .gives::<Changed>(),
        on("GET", "/v1/key-groups", "The key groups with their grants.")
            .query::<Which>()
            .gives::<Page<KeyGroupRow>>(),
        on("PUT", "/v1/key-groups/{group}/keys/{id}", "Put a key into a key group.")
            .gives::<Changed>(),
        on("DELETE", "/v1/key-groups/{group}/keys/{id}", "Take a key out of a key group.")
            .gives::<Changed>(),
        on("GET", "/v1/roles", "Who has which role.").query::<Which>().gives::<Page<RoleRow>>(),
        on("PUT", "/v1/roles/{user}", "Grant a role.").takes::<RoleGrant>().gives::<Changed>(),
        on("DELETE", "/v1/roles/{user}", "Revoke a role.").gives::<Changed>(),
        on("GET", "/v1/clients", "The certificates that were issued.")
            .query::<Which>()
            .gives::<Page<ClientRow>>(),
        on("POST", "/v1/clients", "Issue a certificate for a signing request.")
            .takes::<NewClient>()
            .gives::<ClientIssued>()
            .idempotent(),
        on("POST", "/v1/clients/{fingerprint}/revoke", "Revoke a certificate.")
            .takes::<RevokeClient>()
            .echoes("revoked", "string"),
        on("GET", "/v1/clients/crl", "Sign a list of the revoked certificates.")
            .query::<ListParameters>()
            .gives::<SignedList>(),
        on("GET", "/v1/certificates", "The server's certificate and the authorities.")
            .gives::<CertificatesView>(),
        on("POST", "/v1/certificates/server/renew", "Renew the server's certificate.")
            .may_take::<RenewServer>()
            .gives::<ServerCertificate>(),
        on("POST", "/v1/certificates/ca/renew", "Make a new authority beside the old one.")
            .gives::<AuthorityRow>(),
        on("POST", "/v1/certificates/ca/retire", "Accept the newest authority alone.")
            .gives::<Vec<AuthorityRow>>(),
        on("GET", "/v1/backup", "A backup of the store, taken online.")
            .streams(&["application/octet-stream"]),
        on("GET", "/v1/backup/slots", "The root slots, to be kept apart from the backup.")
            .streams(&["application/json"]),
        on("POST", "/v1/backup/confirm", "Confirm a restored store.")
            .takes::<ConfirmRestore>()
            .gives::<RestoreConfirmed>(),
        on("GET", "/v1/replica", "What this replica is of.").gives::<ReplicaReport>(),
        on("POST", "/v1/replica/allow", "Set random IVs aside for replicas, for good.")
            .gives::<ReplicasAllowed>(),
        on("POST", "/v1/replica/promote", "Let a replica take the place of its primary.")
            .takes::<PromoteReplica>()
            .gives::<RestoreConfirmed>(),
        on("GET", "/v1/approvals", "What waits for approval, or did.")
            .query::<Which>()
            .gives::<Page<ApprovalView>>(),
        on("GET", "/v1/approvals/{id}", "One request for approval.").gives::<ApprovalView>(),
        on("POST", "/v1/approvals/{id}/approve", "Approve what has this digest.")
            .takes::<Approve>()
            .gives::<ApprovalView>(),
        on("POST", "/v1/approvals/{id}/reject", "Reject a request.")
            .may_take::<EndApproval>()
            .gives::<ApprovalView>(),
        on("POST", "/v1/approvals/{id}/withdraw", "Take a request back.")
            .may_take::<EndApproval>()
            .gives::<ApprovalView>(),
        on("GET", "/v1/approval-rules", "What has to wait for approval.").gives::<ApprovalRules>(),
        on("PUT", "/v1/approval-rules/{name}", "Require approval for actions.")
            .takes::<NewApprovalRule>()
            .gives::<ApprovalRules>()
            .matched(),
        on("DELETE", "/v1/approval-rules/{name}", "Waive an approval rule.")
            .gives::<ApprovalRules>()
            .matched(),
        on("GET", "/v1/audit/retention", "What becomes of the files of the audit of uses.")
            .gives::<RetentionView>(),
        on("POST", "/v1/audit/retention", "Compress and delete what the configuration says.")
            .gives::<RetentionDone>(),
        on("GET", "/v1/audit/export", "The audit as lines in a format of collectors.")
            .query::<ExportParameters>()
            .streams(&["application/x-ndjson", "text/plain"]),
        on("GET", "/v1/audit/key", "The key that heads are signed with.").gives::<AuditKey>(),
        on("POST", "/v1/audit/verify", "Verify the audit against anchors.")
            .takes::<VerifyAnchors>()
            .gives::<AuditVerdict>(),
        on("GET", "/v1/audit/verify", "Verify the audit.").gives::<AuditVerdict>(),
    ]
}

/// The document.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| {
        s.definitions_path = "/components/schemas".into();
        s.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let problem = of::<Problem>(&mut generator);
    let mut paths = Map::new();
    for d in described() {
        let operation = operation(&d, &mut generator);
        let path = paths.entry(d.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(d.method.to_lowercase(), operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Strongroom admin API",
            "version": "1",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Over TLS with a client certificate, whose user's role says what may be \
                asked. Times are POSIX milliseconds unless a name says otherwise; byte strings are \
                lower-case hexadecimal. Errors are RFC 9457 problems with a number of the table of \
                errors.",
        },
        "security": [{ "certificate": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "certificate": { "type": "mutualTLS" } },
            "responses": {
                "Waits": {
                    "description": "It was not done: it waits for the approval that Location \
                        names. The same request, sent again once enough have approved, is done.",
                    "headers": { "Location": { "schema": { "type": "string" } } },
                    "content": { "application/problem+json": { "schema": problem.clone() } },
                },
                "Problem": {
                    "description": "It was not done, and why.",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "schemas": generator.take_definitions(true),
        },
    })
}

fn operation(d: &Described, generator: &mut SchemaGenerator) -> Value {
    let mut parameters: Vec<Value> = path_names(d.path).map(|n| in_path(d.path, n)).collect();
    if let Some(query) = d.query {
        parameters.extend(in_query(query(generator)));
    }
    let tried = route(d).is_some_and(|route| dry_run::check(route).is_ok());
    if tried {
        parameters.push(json!({
            "name": "dry_run", "in": "query", "required": false,
            "description": "Only try it: the answer is a plan.",
            "schema": { "type": "boolean" },
        }));
    }
    if tried && d.path.contains("/keys/{id}") {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "required": false,
            "description": "The ETag of the key as it was read: it is left alone if it is another.",
            "schema": { "type": "string" },
        }));
    }
    if d.idempotent {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header",
            "description": "A request with a key that was used is not carried out again: it gets \
                the first one's answer.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
        }));
    }
    if d.matched {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "required": true,
            "description": "The ETag of what is changed, as it was read.",
            "schema": { "type": "string" },
        }));
    }
    let (content, description) = match &d.answer {
        Answer::Json(make) => {
            (json!({ "application/json": { "schema": make(generator) } }), "Done.")
        }
        Answer::Echo(name, kind) => {
            let schema = json!({
                "type": "object", "required": [name], "properties": { *name: { "type": kind } },
            });
            (json!({ "application/json": { "schema": schema } }), "Done.")
        }
        Answer::Stream(kinds) => {
            let content: Map<_, _> = kinds.iter().map(|k| ((*k).to_owned(), json!({}))).collect();
            (Value::Object(content), "The bytes, as they are read.")
        }
    };
    let mut content = content;
    if let Some(schema) = content.pointer_mut("/application~1json/schema").filter(|_| tried) {
        let plan = of::<Plan>(generator);
        *schema = json!({ "anyOf": [schema.take(), plan] });
    }
    let mut operation = json!({
        "operationId": operation_id(d),
        "summary": d.summary,
        "responses": {
            "200": { "description": description, "content": content },
            "202": { "$ref": "#/components/responses/Waits" },
            "default": { "$ref": "#/components/responses/Problem" },
        },
    });
    if let Some(members) = operation.as_object_mut() {
        if !parameters.is_empty() {
            members.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(body) = d.body {
            let schema = body(generator);
            let body = json!({
                "required": !d.optional, "content": { "application/json": { "schema": schema } },
            });
            members.insert("requestBody".to_owned(), body);
        }
        if let Some(route) = route(d) {
            members.insert("x-action".to_owned(), route.action.name().into());
        }
    }
    operation
}

fn route(d: &Described) -> Option<&'static Route> {
    ROUTES.iter().find(|r| (r.method, r.path) == (d.method, d.path))
}

/// `get_keys_id_rotate` and the like: unique, because method and path are.
fn operation_id(d: &Described) -> String {
    let path = d.path.trim_start_matches("/v1");
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    core::iter::once(d.method.to_lowercase())
        .chain(words.map(str::to_owned))
        .collect::<Vec<_>>()
        .join("_")
}

fn path_names(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn in_path(path: &str, name: &str) -> Value {
    let schema = match name {
        "id" if path.starts_with("/v1/root/slots") => {
            json!({ "type": "integer", "format": "uint32", "minimum": 0, "maximum": u32::MAX })
        }
        "seq" => {
            json!({ "type": "integer", "format": "uint64", "minimum": 0, "maximum": u64::MAX })
        }
        "chain" => json!({ "type": "string", "enum": ["changes", "uses"] }),
        _ => json!({ "type": "string", "minLength": 1 }),
    };
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}

/// A structure of a query is one parameter for each of its fields.
fn in_query(schema: Schema) -> Vec<Value> {
    let schema = schema.to_value();
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let Some(fields) = schema["properties"].as_object() else { return Vec::new() };
    let parameter = |(name, field): (&String, &Value)| {
        let mut field = field.clone();
        let description = field.as_object_mut().and_then(|f| f.remove("description"));
        // Left out is how a query says nothing.
        if let Some(Value::Array(types)) = field.get("type").cloned()
            && let Some(kind) = types.into_iter().find(|t| t != "null")
        {
            field["type"] = kind;
        }
        let mut parameter = json!({
            "name": name, "in": "query", "schema": field,
            "required": required.iter().any(|r| r == name),
        });
        if let Some(description) = description {
            parameter["description"] = description;
        }
        parameter
    };
    fields.iter().map(parameter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_and_nothing_else_in_the_same_order() {
        let routes: Vec<_> = ROUTES.iter().map(|r| (r.method, r.path)).collect();
        let described: Vec<_> = described().iter().map(|d| (d.method, d.path)).collect();
        assert_eq!(described, routes);
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_every_reference_a_schema() {
        let document = document();
        let mut ids: Vec<_> = described().iter().map(operation_id).collect();
        ids.sort();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all);
        let text = document.to_string();
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
    }
}
