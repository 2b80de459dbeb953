/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer of goal 6: what a person would write who loads the file by hand with DuckDB's own CSV reader.
 *
 *	duckdb_script upsert DB FILE	FILE's orders into the table of DB, the last row of each key wins
 *	duckdb_script sums DB		a line that tells two tables apart, for comparing with ours
 *
 * The statements are the fastest durable way to do it that we found: typed rows into a temporary stage, one row a key,
 * DELETE and INSERT in one transaction, two threads.  The column types are those that a person would choose, not ours
 * (which are dearer: every number of ours is a DECIMAL(38,18)).  Closing the database runs its checkpoint.
 */
#include <duckdb.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *doing, const char *why)
{
	fprintf(stderr, "duckdb_script: %s: %s\n", doing, why == NULL ? "failed" : why);
	exit(1);
}

static void run(duckdb_connection connection, const char *sql)
{
	duckdb_result result;

	if (duckdb_query(connection, sql, &result) != DuckDBSuccess)
		die(sql, duckdb_result_error(&result));
	duckdb_destroy_result(&result);
}

static void upsert(duckdb_connection connection, const char *file)
{
	char sql[8192];

	run(connection, "CREATE TABLE IF NOT EXISTS orders (id VARCHAR, contact_name VARCHAR, "
			"created_date TIMESTAMP, "
			"tax_exempt BOOLEAN, ship_address VARCHAR, total DECIMAL(18,2), tax_rate "
			"DECIMAL(18,2), "
			"modified_date TIMESTAMP)");
	/* No guessing: with the types given and the sniffer off, reading is at its fastest. */
	if (snprintf(sql, sizeof(sql),
		"CREATE TEMP TABLE stage AS SELECT * FROM read_csv('%s', header = true, "
		"auto_detect = false, "
		"delim = ',', quote = '\"', escape = '\"', columns = {'id': 'VARCHAR', "
		"'contact_name': 'VARCHAR', "
		"'created_date': 'TIMESTAMP', 'tax_exempt': 'BOOLEAN', 'ship_address': 'VARCHAR', "
		"'total': 'DECIMAL(18,2)', 'tax_rate': 'DECIMAL(18,2)', 'modified_date': "
		"'TIMESTAMP'})",
		file) >= (int)sizeof(sql))
		die(file, "too long a name");
	run(connection, sql);
	/* The stage is in the file's order, so the greatest rowid of a key is its last row. */
	run(connection,
	    "DELETE FROM stage WHERE rowid IN (SELECT r FROM (SELECT rowid AS r, row_number() OVER "
	    "(PARTITION BY id ORDER BY rowid DESC) AS place FROM stage WHERE id IN "
	    "(SELECT id FROM stage GROUP BY id HAVING count(*) > 1)) WHERE place > 1)");
	run(connection, "SET preserve_insertion_order = false");
	run(connection, "BEGIN");
	run(connection, "DELETE FROM orders AS t USING stage AS s WHERE t.id = s.id");
	run(connection, "INSERT INTO orders SELECT * FROM stage");
	run(connection, "COMMIT");
}

static void print_sums(duckdb_connection connection)
{
	duckdb_result result;
	char *text;

	if (duckdb_query(connection,
		"SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || sum(total)::DECIMAL(38,2) "
		"|| ' ' || "
		"sum(epoch_us(created_date)) || ' ' || sum(epoch_us(modified_date)) || ' ' || "
		"count(*) FILTER (WHERE tax_exempt) || ' ' || sum(length(ship_address)) FROM "
		"orders",
		&result) != DuckDBSuccess)
		die("sums", duckdb_result_error(&result));
	text = duckdb_value_varchar(&result, 0, 0);
	printf("%s\n", text);
	duckdb_free(text);
	duckdb_destroy_result(&result);
}

int main(int argc, char **argv)
{
	duckdb_config config;
	duckdb_database database;
	duckdb_connection connection;
	char *message = NULL;

	if (!(argc == 4 && strcmp(argv[1], "upsert") == 0) &&
	    !(argc == 3 && strcmp(argv[1], "sums") == 0)) {
		fprintf(stderr, "usage: duckdb_script upsert DB FILE | sums DB\n");
		return 2;
	}
	if (duckdb_create_config(&config) != DuckDBSuccess ||
	    duckdb_set_config(config, "threads", "2") != DuckDBSuccess)
		die("configure", NULL);
	if (duckdb_open_ext(argv[2], &database, config, &message) != DuckDBSuccess)
		die("open", message);
	duckdb_destroy_config(&config);
	if (duckdb_connect(database, &connection) != DuckDBSuccess)
		die("connect", NULL);
	if (argc == 4)
		upsert(connection, argv[3]);
	else
		print_sums(connection);
	duckdb_disconnect(&connection);
	duckdb_close(&database);
	return 0;
}
