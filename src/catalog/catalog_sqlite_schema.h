/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CATALOG_CATALOG_SQLITE_SCHEMA_H
#define SLUICE_CATALOG_CATALOG_SQLITE_SCHEMA_H

/*
 * The tables, as steps from format to format: a new file takes all of them, a file of an older
 * program those that it lacks.  A step that was released is never changed; a change of the tables
 * is a new step.  So a file is the same whatever way it came.
 *
 * The numbers of the enums (job_state, job_operation, stream_category, stream_refresh,
 * catalog_scope, catalog_token_kind) are part of the format; the files that store them assert them.  Times are
 * microseconds since 1970.
 */

#define APPLICATION_ID "1399616867" /* "Sluc" */

static const char *const format_1[] = {
    "CREATE TABLE connectors ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " revision INTEGER NOT NULL,"
    " created_us INTEGER NOT NULL,"
    " modified_us INTEGER NOT NULL,"
    " document BLOB NOT NULL"
    ") STRICT",
    "CREATE UNIQUE INDEX connector_nocase ON connectors (lower(name))",

    "CREATE TABLE streams ("
    " no INTEGER PRIMARY KEY,"
    " connector TEXT NOT NULL REFERENCES connectors (name),"
    " object TEXT NOT NULL,"
    " category INTEGER NOT NULL,"
    " refresh INTEGER NOT NULL,"
    " primary_key TEXT NOT NULL,"
    " record_modified_field TEXT NOT NULL,"
    " event_time_field TEXT NOT NULL,"
    " UNIQUE (connector, object)"
    ") STRICT",
    /* "a" + "b_c" and "A_b" + "C" would be one table in the lake. */
    "CREATE UNIQUE INDEX stream_table ON streams (lower(connector || '_' || object))",

    /* Tables of the lake that are to be dropped, with the name that they have there. */
    "CREATE TABLE dropped ("
    " connector TEXT NOT NULL,"
    " object TEXT NOT NULL,"
    " table_name TEXT NOT NULL UNIQUE,"
    " PRIMARY KEY (connector, object)"
    ") STRICT, WITHOUT ROWID",

    /* AUTOINCREMENT: a user id is made of the number, so no number is given twice. */
    "CREATE TABLE tokens ("
    " no INTEGER PRIMARY KEY AUTOINCREMENT,"
    " hash BLOB NOT NULL UNIQUE,"
    " name TEXT NOT NULL UNIQUE,"
    " scopes INTEGER NOT NULL,"
    " created_us INTEGER NOT NULL"
    ") STRICT",

    "CREATE TABLE jobs ("
    " no INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " stream INTEGER NOT NULL REFERENCES streams (no),"
    " operation INTEGER NOT NULL,"
    " state INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL DEFAULT 0,"
    " created_by TEXT NOT NULL,"
    " created_us INTEGER NOT NULL,"
    " modified_us INTEGER NOT NULL,"
    " queue_no INTEGER NOT NULL DEFAULT 0,"
    " lease TEXT NOT NULL DEFAULT '',"
    " part_count INTEGER NOT NULL DEFAULT 0,"
    " part_bytes INTEGER NOT NULL DEFAULT 0,"
    " retries INTEGER NOT NULL DEFAULT 0,"
    " records_processed INTEGER NOT NULL DEFAULT 0,"
    " records_failed INTEGER NOT NULL DEFAULT 0,"
    " processing_ms INTEGER NOT NULL DEFAULT 0,"
    " error TEXT NOT NULL DEFAULT ''"
    ") STRICT",
    /* The two orders of a list.  They hold all that a filter looks at, so that skipping costs no
       look at the table. */
    "CREATE INDEX job_modified ON jobs (modified_us, id, state, stream) WHERE deleted = 0",
    "CREATE INDEX job_created ON jobs (created_us, id, state, stream) WHERE deleted = 0",
    /* A stream's queue and whether one is in progress; and, deleted ones included, whether it has
       jobs at all. */
    "CREATE INDEX job_stream ON jobs (stream, deleted, state, queue_no)",

    /* How many jobs a stream has in each state, deleted ones not counted: a list's total without
     * counting.  Kept by triggers, so that no statement can forget it. */
    "CREATE TABLE job_counts ("
    " state INTEGER NOT NULL,"
    " stream INTEGER NOT NULL REFERENCES streams (no) ON DELETE CASCADE,"
    " jobs INTEGER NOT NULL,"
    " PRIMARY KEY (state, stream)"
    ") STRICT, WITHOUT ROWID",
    "CREATE TRIGGER job_count_insert AFTER INSERT ON jobs WHEN NEW.deleted = 0 BEGIN"
    " INSERT INTO job_counts VALUES (NEW.state, NEW.stream, 1)"
    "  ON CONFLICT DO UPDATE SET jobs = jobs + 1;"
    "END",
    "CREATE TRIGGER job_count_update AFTER UPDATE OF state, deleted ON jobs"
    " WHEN OLD.state <> NEW.state OR OLD.deleted <> NEW.deleted BEGIN"
    " UPDATE job_counts SET jobs = jobs - 1"
    "  WHERE state = OLD.state AND stream = OLD.stream AND OLD.deleted = 0;"
    " INSERT INTO job_counts SELECT NEW.state, NEW.stream, 1 WHERE NEW.deleted = 0"
    "  ON CONFLICT DO UPDATE SET jobs = jobs + 1;"
    "END",
    "CREATE TRIGGER job_count_delete AFTER DELETE ON jobs WHEN OLD.deleted = 0 BEGIN"
    " UPDATE job_counts SET jobs = jobs - 1 WHERE state = OLD.state AND stream = OLD.stream;"
    "END",

    "CREATE TABLE parts ("
    " job INTEGER NOT NULL REFERENCES jobs (no) ON DELETE CASCADE,"
    " number INTEGER NOT NULL,"
    " blob_name TEXT NOT NULL,"
    " bytes INTEGER NOT NULL,"
    " sha256 BLOB NOT NULL,"
    " accepted_us INTEGER NOT NULL,"
    " PRIMARY KEY (job, number)"
    ") STRICT, WITHOUT ROWID",

    /* The last number given.  A row of its own, for max(queue_no) would go back when a job is
       removed. */
    "CREATE TABLE counters (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT",
    "INSERT INTO counters VALUES ('queue', 0)",

    "PRAGMA application_id = " APPLICATION_ID,
    NULL,
};

static const char *const format_2[] = {
    /* A job that is checked and lands nothing. */
    "ALTER TABLE jobs ADD COLUMN validate_only INTEGER NOT NULL DEFAULT 0",
    /* What makes a repeated upload the same part; '' has none. */
    "ALTER TABLE parts ADD COLUMN key TEXT NOT NULL DEFAULT ''",
    "CREATE UNIQUE INDEX part_key ON parts (job, key) WHERE key <> ''",
    /* Who is how old: what has aged is found without a look at the rest. */
    "CREATE INDEX job_age ON jobs (state, modified_us, id) WHERE deleted = 0",
    /* When jobs were created, for a quota of creations: a job that was removed counts, too. */
    "CREATE TABLE creations (no INTEGER PRIMARY KEY, created_us INTEGER NOT NULL) STRICT",
    "CREATE INDEX creation_time ON creations (created_us)",
    NULL,
};

static const char *const format_3[] = {
    /* A name for the log of what it accepts, never given again; and with a table that is to be
     * dropped, that of the log that goes with it. */
    "ALTER TABLE streams ADD COLUMN journal TEXT NOT NULL DEFAULT ''",
    "UPDATE streams SET journal = lower(hex(randomblob(16)))",
    "CREATE UNIQUE INDEX stream_journal ON streams (journal)",
    "ALTER TABLE dropped ADD COLUMN journal TEXT NOT NULL DEFAULT ''",
    /* What the log held when the job was closed: applied before it. */
    "ALTER TABLE jobs ADD COLUMN journal_end INTEGER NOT NULL DEFAULT 0",
    NULL,
};

static const char *const format_4[] = {
    /* One row: the organisation that this catalog is. */
    "CREATE TABLE org (id TEXT NOT NULL) STRICT",
    "INSERT INTO org VALUES ('00D' || lower(hex(randomblob(6))) || 'EAA')",

    /* The "u" keeps an id from that of a token's own user, which is all digits. */
    "CREATE TABLE users ("
    " no INTEGER PRIMARY KEY AUTOINCREMENT,"
    " id TEXT NOT NULL UNIQUE"
    "  DEFAULT ('005u' || substr(lower(hex(randomblob(6))), 1, 11) || 'AAA'),"
    " name TEXT NOT NULL,"
    " password TEXT NOT NULL,"
    " created_us INTEGER NOT NULL"
    ") STRICT",
    "CREATE UNIQUE INDEX user_nocase ON users (lower(name))",

    "CREATE TABLE apps ("
    " no INTEGER PRIMARY KEY AUTOINCREMENT,"
    " client_id TEXT NOT NULL UNIQUE,"
    " name TEXT NOT NULL,"
    " user INTEGER NOT NULL REFERENCES users (no),"
    " scopes INTEGER NOT NULL,"
    " secret_hash BLOB NOT NULL,"
    " public_key TEXT NOT NULL,"
    " created_us INTEGER NOT NULL"
    ") STRICT",
    "CREATE UNIQUE INDEX app_nocase ON apps (lower(name))",
    "CREATE INDEX app_user ON apps (user)",

    "ALTER TABLE tokens ADD COLUMN expires_us INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE tokens ADD COLUMN used_us INTEGER NOT NULL DEFAULT 0",

    /* Tokens of logins.  Their user and app take them along; what they came of does not: it may
     * end before them. */
    "CREATE TABLE issued ("
    " no INTEGER PRIMARY KEY AUTOINCREMENT,"
    " hash BLOB NOT NULL UNIQUE,"
    " kind INTEGER NOT NULL,"
    " user INTEGER NOT NULL REFERENCES users (no) ON DELETE CASCADE,"
    " app INTEGER NOT NULL REFERENCES apps (no) ON DELETE CASCADE,"
    " scopes INTEGER NOT NULL,"
    " created_us INTEGER NOT NULL,"
    " expires_us INTEGER NOT NULL,"
    " used_us INTEGER NOT NULL DEFAULT 0,"
    " parent INTEGER REFERENCES issued (no) ON DELETE SET NULL"
    ") STRICT",
    "CREATE INDEX issued_user ON issued (user)",
    "CREATE INDEX issued_app ON issued (app)",
    "CREATE INDEX issued_parent ON issued (parent) WHERE parent IS NOT NULL",
    "CREATE INDEX issued_end ON issued (expires_us) WHERE expires_us > 0",

    "CREATE TABLE assertions ("
    " hash BLOB NOT NULL PRIMARY KEY,"
    " expires_us INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID",
    "CREATE INDEX assertion_end ON assertions (expires_us)",
    NULL,
};

/* The ${i}th leads to format ${i} + 1; each ends with NULL. */
static const char *const *const formats[] = {format_1, format_2, format_3, format_4};
#define FORMAT_VERSION ((int64_t)(sizeof(formats) / sizeof(formats[0])))

#endif
