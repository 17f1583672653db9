-- Version 1. This text runs as it is on SQLite and on PostgreSQL 15; tests run it on both.
--
-- BIGINT is 64 bits on both (INTEGER has 32 on PostgreSQL). BYTEA means nothing to SQLite, which
-- then leaves blobs as they are, as it does in the columns called BLOB of earlier databases. How
-- SQLite lays a table out is said in code, not here. Text is ordered by its bytes: a PostgreSQL
-- database has the collation "C".

-- The chain of changes. The row shape is frozen: rows are replicated between sites as they are.
CREATE TABLE journal (
    site  BIGINT NOT NULL,
    seq   BIGINT NOT NULL,
    hlc   BIGINT NOT NULL,
    actor TEXT   NOT NULL,
    kind  BIGINT NOT NULL,
    body  BYTEA  NOT NULL,
    prev  BYTEA  NOT NULL,
    hash  BYTEA  NOT NULL,
    mac   BYTEA  NOT NULL,
    PRIMARY KEY (site, seq)
);

-- The fold of the journal: one row for each managed object. The columns beside the row are for
-- finding; the row is what counts, and its MAC binds it to the id.
CREATE TABLE objects (
    id          TEXT   NOT NULL PRIMARY KEY,
    object_type BIGINT NOT NULL,
    owner       TEXT   NOT NULL,
    lifecycle   BIGINT NOT NULL,
    created     BIGINT NOT NULL,
    epoch       BIGINT,
    row         BYTEA  NOT NULL,
    mac         BYTEA  NOT NULL
);
CREATE INDEX objects_created ON objects (created, id);
CREATE INDEX objects_epoch ON objects (epoch) WHERE epoch IS NOT NULL;

-- Attribute values that Locate looks up without reading every object.
CREATE TABLE attribute_values (
    attribute TEXT  NOT NULL,
    value     BYTEA NOT NULL,
    id        TEXT  NOT NULL,
    PRIMARY KEY (attribute, value, id)
);

-- Dates that move an object on when they come.
CREATE TABLE due (
    at BIGINT NOT NULL,
    id TEXT   NOT NULL,
    PRIMARY KEY (at, id)
);

-- Roles, certificates and settings: the server's own state.
CREATE TABLE server_state (
    family TEXT  NOT NULL,
    key    TEXT  NOT NULL,
    value  BYTEA NOT NULL,
    mac    BYTEA NOT NULL,
    PRIMARY KEY (family, key)
);

-- Facts of this copy of the store, which are not part of the state.
CREATE TABLE meta (
    key   TEXT  NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);
