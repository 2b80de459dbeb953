// SPDX-License-Identifier: Apache-2.0
// How to break users, apps and tokens in the catalog, and the commands for them: each entry makes the named test fail
// (script/prove-tests).
const access = 'src/catalog/catalog_sqlite_access.c', sql = 'src/catalog/catalog_sqlite_sql.def', schema = 'src/catalog/catalog_sqlite_schema.h', ageing = 'src/job/ageing.c';
const catalog = (name) => `conformance/catalog_access_test: ${name}`;
const command = (title) => `scenario/40-access-commands: ${title}`;
const size = 'unit/catalog_size_test: with_100000_tokens_one_is_found_and_some_are_removed_at_once';
const raw = String.raw;

export default [
	{ test: catalog('a_catalog_is_one_organisation_for_ever'), file: schema, from: raw`VALUES ('00D' || lower(hex(randomblob(6))) || 'EAA')`, to: raw`VALUES ('00D' || hex(randomblob(6)) || 'EAB')` },
	{ test: catalog('a_user_is_found_in_whatever_case_and_by_id'), file: sql, from: raw`FROM users WHERE lower(name) = lower(?1)")
/* A token`, to: raw`FROM users WHERE name = ?1")
/* A token` },
	{ test: catalog('a_token_of_the_command_line_is_a_user_of_its_own'), file: sql, from: raw` AND " TOKEN_USER_ID " = ?1")`, to: raw`")` },
	{ test: catalog('a_password_is_replaced'), file: sql, from: raw`"UPDATE users SET password = ?2 WHERE`, to: raw`"UPDATE users SET password = password WHERE ?2 <> '' AND` },
	{ test: catalog('a_user_goes_with_its_tokens_unless_an_app_acts_as_it'), file: access, from: raw`	if (status == OK && found)
		return err_set(err, E_CONFLICT, "the app`, to: raw`	if (status == OK && !found)
		return err_set(err, E_CONFLICT, "the app` },
	{ test: catalog('an_app_is_stored_whole_and_found_by_its_client_id'), file: sql, from: raw`WHERE lower(name) = lower(?1) OR client_id = ?2`, to: raw`WHERE lower(name) = lower(?1) AND client_id = ?2` },
	{ test: catalog('an_apps_secret_is_replaced_and_its_tokens_stay'), file: sql, from: raw`"UPDATE apps SET secret_hash = ?2 WHERE lower(name) = lower(?1)"`, to: raw`"UPDATE apps SET secret_hash = ?2 WHERE name = ?1"` },
	{ test: catalog('an_app_goes_with_its_tokens'), file: sql, from: raw`"DELETE FROM apps WHERE lower(name) = lower(?1)"`, to: raw`"UPDATE apps SET name = client_id WHERE lower(name) = lower(?1)"` },
	{ test: catalog('an_app_goes_with_its_tokens'), file: sql, from: raw`WHERE lower(apps.name) = lower(?1) ORDER BY 1`, to: raw`WHERE lower(apps.name) <> lower(?1) ORDER BY 1` },
	{ test: catalog('a_user_goes_with_its_tokens_unless_an_app_acts_as_it'), file: sql, from: raw`WHERE lower(users.name) = lower(?1) ORDER BY 1`, to: raw`WHERE lower(users.name) <> lower(?1) ORDER BY 1` },
	{ test: catalog('users_and_apps_are_listed_by_name'), file: sql, from: raw`FROM users ORDER BY lower(name)`, to: raw`FROM users ORDER BY no` },
	{ test: catalog('an_issued_token_says_whose_it_is'), file: sql, from: raw` AND (?8 = 0 OR parents.no IS NOT NULL)`, to: raw` AND ?8 >= 0` },
	{ test: catalog('a_static_token_may_end'), file: access, from: raw`	query_put_number(&query, add->expires_us);`, to: raw`	query_put_number(&query, 0);` },
	{ test: catalog('no_two_tokens_ever_have_one_id'), file: schema, from: raw`    "CREATE TABLE issued ("
    " no INTEGER PRIMARY KEY AUTOINCREMENT,"`, to: raw`    "CREATE TABLE issued ("
    " no INTEGER PRIMARY KEY,"` },
	{ test: catalog('revoking_a_token_ends_all_that_came_of_it'), file: sql, from: raw` SELECT issued.no FROM issued JOIN gone ON issued.parent = gone.no)`, to: raw` SELECT issued.no FROM issued JOIN gone ON issued.no = gone.no)` },
	{ test: catalog('an_assertion_is_good_for_one_token'), file: access, from: raw`		return err_set(err, E_EXISTS, "the assertion was used before");`, to: raw`		return OK;` },
	{ test: 'conformance/catalog_race_test: of_16_uses_of_an_assertion_one_gets_a_token', file: access, from: raw`	if (status == OK && found)
		return err_set(err, E_EXISTS, "the assertion was used before");
	if (status != OK)`, to: raw`	if (status != OK || found)` },
	{ test: size, file: sql, from: raw`ISSUED_JOIN " WHERE issued.hash = ?1")`, to: raw`ISSUED_JOIN " WHERE lower(issued.hash) = lower(?1)")` },
	{ test: size, file: schema, from: raw`    "CREATE INDEX issued_parent ON issued (parent) WHERE parent IS NOT NULL",`, to: '' },
	{ test: catalog('the_first_use_is_told_once'), file: sql, from: raw`WHERE no = (?1 - 1) / 2 AND used_us = 0`, to: raw`WHERE no = (?1 - 1) / 2` },
	{ test: catalog('what_has_ended_is_removed_and_nothing_else'), file: schema, from: raw`REFERENCES issued (no) ON DELETE SET NULL`, to: raw`REFERENCES issued (no) ON DELETE CASCADE` },
	{ test: catalog('what_has_ended_is_removed_and_nothing_else'), file: sql, from: raw`WHERE expires_us > 0 AND expires_us <= ?1`, to: raw`WHERE expires_us <= ?1` },
	{ test: catalog('tokens_are_listed_with_those_that_have_ended'), file: sql, from: raw`" FROM " ISSUED_JOIN " ORDER BY 1")`, to: raw`" FROM " ISSUED_JOIN " ORDER BY 1 DESC")` },
	{ test: catalog('a_command_beside_the_server_is_seen_at_once'), file: access, from: raw`	if (status == OK && !found)
		return err_set(err, E_NOT_FOUND, "%s", lookup->missing);
	return status;`, to: raw`	static bool was_found;

	was_found = was_found || found;
	if (status == OK && !was_found)
		return err_set(err, E_NOT_FOUND, "%s", lookup->missing);
	return status;` },
	{ test: command('an app is made beside a running server, logs in at once, and is gone at once'), file: 'src/serve/app.c', from: raw`	if (st == OK && values[ADMIN_SCOPE] != NULL)`, to: raw`	if (st == OK && values[ADMIN_SCOPE] == NULL)` },
	{ test: command('an app is made beside a running server, logs in at once, and is gone at once'), file: 'src/serve/admin.c', from: raw`		audit_revoked(&tokens[i], 1, "command");`, to: raw`		(void)tokens[i];` },
	{ test: command('an app may have a certificate, and the client id that it has elsewhere'), file: 'src/serve/app.c', from: raw`	if (given == NULL) {`, to: raw`	if (given == NULL || given[0] != '\0') {` },
	{ test: command('a user is made, gets another password, and goes when no app acts as it'), file: 'src/serve/user.c', from: raw`	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;`, to: '' },
	{ test: command('a token is listed with all that is known of it, and revoked by name, by number, or with its app'), file: 'src/serve/token.c', from: raw`	return is_number(word) ? strcmp(word, id) == 0
			       : token`, to: raw`	return token` },
	{ test: command('a token is listed with all that is known of it, and revoked by name, by number, or with its app'), file: 'src/serve/token.c', from: raw`	if (st == OK && is_number(values[ADMIN_NAME]))`, to: raw`	if (st == OK && values[ADMIN_NAME] == NULL)` },
	{ test: command('a static token ends at its time'), file: 'src/auth/auth.h', from: raw`token->expires_us != 0 && token->expires_us <= now_us`, to: raw`token->kind != TOKEN_STATIC && token->expires_us <= now_us` },
	{ test: command('issued tokens that have ended are removed within a minute or two'), file: ageing, from: raw`	expire_access(ageing, now_us);`, to: raw`	if (false)
		expire_access(ageing, now_us);` },
	{ test: command('each command tells how it is used'), file: 'src/serve/admin.c', from: raw`	if (words < verb->word_min || words > verb->word_max) {`, to: raw`	if (words < verb->word_min) {` },
];
