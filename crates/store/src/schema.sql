-- Version 1. Kept to what SQLite and PostgreSQL 15 share, apart from the storage options of the
-- last line of each table.

-- The chain of changes. The row shape is frozen: rows are replicated between sites as they are.
CREATE TABLE journal (
    site  INTEGER NOT NULL,
    seq   INTEGER NOT NULL,
    hlc   INTEGER NOT NULL,
    actor TEXT    NOT NULL,
    kind  INTEGER NOT NULL,
    body  BLOB    NOT NULL,
    prev  BLOB    NOT NULL,
    hash  BLOB    NOT NULL,
    mac   BLOB    NOT NULL,
    PRIMARY KEY (site, seq)
) WITHOUT ROWID;

-- The fold of the journal: one row for each managed object. The columns beside the row are for
-- finding; the row is what counts, and its MAC binds it to the id.
CREATE TABLE objects (
    id          TEXT    NOT NULL PRIMARY KEY,
    object_type INTEGER NOT NULL,
    owner       TEXT    NOT NULL,
    lifecycle   INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    epoch       INTEGER,
    row         BLOB    NOT NULL,
    mac         BLOB    NOT NULL
);
CREATE INDEX objects_created ON objects (created, id);
CREATE INDEX objects_epoch ON objects (epoch) WHERE epoch IS NOT NULL;

-- Attribute values that Locate looks up without reading every object.
CREATE TABLE attribute_values (
    attribute TEXT NOT NULL,
    value     BLOB NOT NULL,
    id        TEXT NOT NULL,
    PRIMARY KEY (attribute, value, id)
) WITHOUT ROWID;

-- Dates that move an object on when they come.
CREATE TABLE due (
    at INTEGER NOT NULL,
    id TEXT    NOT NULL,
    PRIMARY KEY (at, id)
) WITHOUT ROWID;

-- Roles, certificates and settings: the server's own state.
CREATE TABLE server_state (
    family TEXT NOT NULL,
    key    TEXT NOT NULL,
    value  BLOB NOT NULL,
    mac    BLOB NOT NULL,
    PRIMARY KEY (family, key)
) WITHOUT ROWID;

-- Facts of this copy of the store, which are not part of the state.
CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
