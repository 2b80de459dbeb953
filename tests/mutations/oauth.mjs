// SPDX-License-Identifier: Apache-2.0
// How to break logins, tokens and the audit: each entry makes the named test fail (script/prove-tests).
export default [
  {
    test: 'unit/login_limit_test: ten_failures_in_a_minute_and_it_waits_for_the_first_to_be_a_minute_old',
    file: 'src/auth/login_limit.c',
    from: String.raw`place->failed_us[place->oldest] = now_us;
`,
    to: String.raw`place->failed_us[(place->oldest + 1) % LOGIN_FAILURES_MAX] = now_us;
`,
  },
  {
    test: 'unit/login_limit_test: ten_failures_in_a_minute_and_it_waits_for_the_first_to_be_a_minute_old',
    file: 'src/auth/login_limit.c',
    from: String.raw`if (free_us <= now_us)`,
    to: String.raw`if (free_us < now_us)`,
  },
  {
    test: 'unit/login_limit_test: asking_does_not_count',
    file: 'src/auth/login_limit.c',
    from: String.raw`	mutex_unlock(&limit->mutex);
	if (free_us <= now_us)`,
    to: String.raw`	mutex_unlock(&limit->mutex);
	login_limit_failed(limit, address, now_us);
	if (free_us <= now_us)`,
  },
  {
    test: 'unit/login_limit_test: an_address_answers_for_itself_alone',
    file: 'src/auth/login_limit.c',
    from: String.raw`return be64toh(half);`,
    to: String.raw`return half;`,
  },
  {
    test: 'unit/login_limit_test: an_address_answers_for_itself_alone',
    file: 'src/auth/login_limit.c',
    from: String.raw`	if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {`,
    to: String.raw`	if (memcmp(bytes, mapped, 10) == 0) {`,
  },
  {
    test: 'unit/login_limit_test: of_too_many_addresses_who_failed_longest_ago_is_forgotten',
    file: 'src/auth/login_limit.c',
    from: String.raw`		i = limit->oldest;
`,
    to: String.raw`		i = limit->youngest;
`,
  },
  {
    test: 'unit/login_limit_test: any_number_of_threads_may_ask_and_fail',
    file: 'src/auth/login_limit.c',
    from: String.raw`#define PLACES  4096`,
    to: String.raw`#define PLACES  2048`,
  },
  {
    test: 'unit/audit_test: a_line_has_the_names_that_scripts_read',
    file: 'src/auth/audit.c',
    from: String.raw`const char *name = token->kind == TOKEN_STATIC ? "" : token->name;`,
    to: String.raw`const char *name = token->name;`,
  },
  {
    test: 'unit/audit_test: what_a_client_sent_stays_between_its_quotes',
    file: 'src/auth/audit.c',
    from: String.raw`|| c == '"' || c ==`,
    to: String.raw`|| c ==`,
  },
  {
    test: 'unit/audit_test: what_a_client_sent_stays_between_its_quotes',
    file: 'src/auth/audit.c',
    from: String.raw`(c == 0xc2 && (unsigned char)text.ptr[1] < 0xa0)`,
    to: String.raw`false`,
  },
  {
    test: 'unit/audit_test: what_a_client_sent_stays_between_its_quotes',
    file: 'src/auth/audit.c',
    from: String.raw`	value = utf8_cut(value, VALUE_BYTES_MAX);`,
    to: String.raw`	value = utf8_cut(value, VALUE_BYTES_MAX - 1);`,
  },
  {
    test: 'unit/audit_test: what_is_refused_often_has_ten_lines_a_minute_for_each_address',
    file: 'src/auth/audit.c',
    from: String.raw`	login_limit_failed(audit->lines, address, now_us);
`,
    to: String.raw``,
  },
  {
    test: 'unit/audit_test: what_is_refused_often_has_ten_lines_a_minute_for_each_address',
    file: 'src/auth/audit.c',
    from: String.raw`	if (!login_limit_may(audit->lines, address,`,
    to: String.raw`	if (!login_limit_may(audit->lines, "::1",`,
  },
  {
    test: 'unit/audit_test: a_first_use_is_told_once_whoever_is_first',
    file: 'src/auth/audit.c',
    from: String.raw`	else if (first)
`,
    to: String.raw`	else
`,
  },
  {
    test: 'unit/audit_test: a_first_use_is_told_once_whoever_is_first',
    file: 'src/auth/audit.c',
    from: String.raw`	while (audit->count == 0 && !audit->stopping)
		cond_wait(&audit->changed, &audit->mutex);
	taken = audit->count > 0;`,
    to: String.raw`	while (audit->count == 0 && !audit->stopping)
		cond_wait(&audit->changed, &audit->mutex);
	taken = audit->count > 0 && !audit->stopping;`,
  },
  {
    test: 'unit/audit_test: a_use_that_is_not_the_first_costs_nothing',
    file: 'src/auth/audit.c',
    from: String.raw`	if (token->used_us != 0)
		return;
`,
    to: String.raw``,
  },
  {
    test: 'unit/basic_test: what_stands_in_the_header_is_read',
    file: 'src/api/basic.c',
    from: String.raw`i + 2 < len &&`,
    to: String.raw`i + 3 < len &&`,
  },
  {
    test: 'unit/basic_test: what_stands_in_the_header_is_read',
    file: 'src/api/basic.c',
    from: String.raw`return text.len % 4 != 1;`,
    to: String.raw`return true;`,
  },
  {
    test: 'unit/basic_test: what_stands_in_the_header_is_read',
    file: 'src/api/basic.c',
    from: String.raw`colon = memchr(text,`,
    to: String.raw`colon = memrchr(text,`,
  },
  {
    test: 'unit/basic_test: what_stands_in_the_header_is_read',
    file: 'src/api/basic.c',
    from: String.raw`strncasecmp(header.ptr`,
    to: String.raw`strncmp(header.ptr`,
  },
  {
    test: 'unit/auth_test: a_refresh_token_is_no_access_token',
    file: 'src/auth/auth.c',
    from: String.raw`	if (token.kind == TOKEN_REFRESH)`,
    to: String.raw`	if (token.kind == TOKEN_STATIC && token.id < 0)`,
  },
  {
    test: 'unit/auth_test: a_token_is_good_until_its_time_is_over',
    file: 'src/auth/auth.h',
    from: String.raw`token->expires_us <= now_us`,
    to: String.raw`token->expires_us < now_us`,
  },
  {
    test: 'unit/auth_test: a_token_is_good_until_its_time_is_over',
    file: 'src/auth/auth.c',
    from: String.raw`	*ret_token = token;
	return auth_has_ended`,
    to: String.raw`	if (!auth_has_ended(&token, now_us))
		*ret_token = token;
	return auth_has_ended`,
  },
  {
    test: 'unit/auth_test: scopes_are_read_by_name',
    file: 'src/auth/auth.c',
    from: String.raw`used == 0 ? "" : " ", scope_names`,
    to: String.raw`used == 0 ? "" : ",", scope_names`,
  },
  {
    test: 'scenario/42-oauth-login: an app logs in by its secret, and what it gets opens the API as its user',
    file: 'src/api/oauth.c',
    from: String.raw`token->row.created_us / 1000);`,
    to: String.raw`token->row.created_us / 1000000);`,
  },
  {
    test: 'scenario/42-oauth-login: an app logs in by its secret, and what it gets opens the API as its user',
    file: 'src/api/oauth.c',
    from: String.raw`	respond_header(request, "Cache-Control", "no-store");
`,
    to: String.raw``,
  },
  {
    test: 'scenario/42-oauth-login: an app logs in by its secret, and what it gets opens the API as its user',
    file: 'src/auth/oauth.c',
    from: String.raw`	memcpy(ret_basis->user_id, app.user_id, sizeof(app.user_id));
`,
    to: String.raw`	memcpy(ret_basis->user_id, "005", 4);
`,
  },
  {
    test: 'scenario/42-oauth-login: secret and parameters come in the body, in the query string, or by HTTP Basic',
    file: 'src/api/oauth.c',
    from: String.raw`	if (request_form_count(request, name) > 1) {`,
    to: String.raw`	if (request_form_count(request, name) > 2) {`,
  },
  {
    test: 'scenario/42-oauth-login: secret and parameters come in the body, in the query string, or by HTTP Basic',
    file: 'src/api/oauth.c',
    from: String.raw`	if (form->client_secret.ptr != NULL ||
`,
    to: String.raw`	if (
`,
  },
  {
    test: 'scenario/42-oauth-login: secret and parameters come in the body, in the query string, or by HTTP Basic',
    file: 'src/api/oauth.c',
    from: String.raw`!slice_equals(form->client_id, id))) {`,
    to: String.raw`false)) {`,
  },
  {
    test: 'scenario/42-oauth-login: secret and parameters come in the body, in the query string, or by HTTP Basic',
    file: 'src/api/basic.c',
    from: String.raw`i += 2;`,
    to: String.raw`i += 1;`,
  },
  {
    test: 'scenario/42-oauth-login: secret and parameters come in the body, in the query string, or by HTTP Basic',
    file: 'src/auth/oauth.c',
    from: String.raw`	return attempt_refuse(attempt, "invalid_request", "incomplete", "%s is missing", name);`,
    to: String.raw`	return attempt_refuse(attempt, "invalid_client", "incomplete", "%s is missing", name);`,
  },
  {
    test: 'scenario/42-oauth-login: secret and parameters come in the body, in the query string, or by HTTP Basic',
    file: 'src/http/router.c',
    from: String.raw`		count += slice_is(key, name);`,
    to: String.raw`		count |= slice_is(key, name);`,
  },
  {
    test: 'scenario/42-oauth-login: the scope parameter narrows, what the hosted service knows beside ours is passed over',
    file: 'src/auth/oauth.c',
    from: String.raw`	*scopes &= asked;
	if (*scopes == 0)`,
    to: String.raw`	*scopes &= asked;
	if (asked == 0)`,
  },
  {
    test: 'scenario/42-oauth-login: the scope parameter narrows, what the hosted service knows beside ours is passed over',
    file: 'src/auth/oauth.c',
    from: String.raw`slice_is(word, "full") ? *scopes : bit;`,
    to: String.raw`bit;`,
  },
  {
    test: 'scenario/42-oauth-login: the scope parameter narrows, what the hosted service knows beside ours is passed over',
    file: 'src/auth/oauth.c',
    from: String.raw`bit == 0 && !is_known_elsewhere(word))`,
    to: String.raw`bit == 0)`,
  },
  {
    test: 'scenario/42-oauth-login: the scope parameter narrows, what the hosted service knows beside ours is passed over',
    file: 'src/auth/oauth.c',
    from: String.raw`!is_known_elsewhere(word))`,
    to: String.raw`false)`,
  },
  {
    test: 'scenario/42-oauth-login: an assertion signed by the key of the app\'s certificate logs in, as the clients send it',
    file: 'src/auth/oauth_assertion.c',
    from: String.raw`catalog_user_find(attempt->oauth->catalog, assertion.subject,`,
    to: String.raw`catalog_user_find(attempt->oauth->catalog, assertion.issuer,`,
  },
  {
    test: 'scenario/42-oauth-login: an assertion signed by the key of the app\'s certificate logs in, as the clients send it',
    file: 'src/auth/oauth_assertion.c',
    from: String.raw`	return assertion.id.len == 0 ? OK :`,
    to: String.raw`	return`,
  },
  {
    test: 'scenario/42-oauth-login: and no other does',
    file: 'src/auth/oauth_assertion.c',
    from: String.raw`	if (st != OK || app.public_key[0] == '\0' || checked != OK)`,
    to: String.raw`	if (st != OK || app.public_key[0] == '\0')`,
  },
  {
    test: 'scenario/42-oauth-login: and no other does',
    file: 'src/auth/oauth_assertion.c',
    from: String.raw`	if (form->client_id.len > 0 && !slice_equals(form->client_id, assertion.issuer))`,
    to: String.raw`	if (form->client_id.len > 9999)`,
  },
  {
    test: 'scenario/42-oauth-login: and no other does',
    file: 'src/auth/oauth_assertion.c',
    from: String.raw`"%zu:%.*s%.*s", assertion->issuer.len,
	    SLICE_ARGS(assertion->issuer), SLICE_ARGS(assertion->id));`,
    to: String.raw`"%zu:%.*s", assertion->id.len,
	    SLICE_ARGS(assertion->id));`,
  },
  {
    test: 'scenario/42-oauth-login: and no other does',
    file: 'src/auth/oauth_assertion.c',
    from: String.raw`	if (st == E_INVALID)
		return attempt_refuse(
		    attempt, "invalid_grant", "bad_assertion", "%s", attempt->err->text);
`,
    to: String.raw`	if (st == E_INVALID)
		return attempt_refuse(
		    attempt, "invalid_request", "bad_assertion", "%s", attempt->err->text);
`,
  },
  {
    test: 'scenario/42-oauth-login: an assertion with an id is good for one token, however many ask at once',
    file: 'src/auth/oauth_assertion.c',
    from: String.raw`	*ret_used = used;
`,
    to: String.raw`	used->hash[0] = (unsigned char)attempt->now_us;
	*ret_used = used;
`,
  },
  {
    test: 'scenario/42-oauth-login: passwords and refresh tokens are taken only where they are switched on',
    file: 'src/auth/oauth.c',
    from: String.raw`!oauth->passwords) ||`,
    to: String.raw`false) ||`,
  },
  {
    test: 'scenario/42-oauth-login: passwords and refresh tokens are taken only where they are switched on',
    file: 'src/auth/oauth.c',
    from: String.raw`!oauth->refresh_tokens))
`,
    to: String.raw`false))
`,
  },
  {
    test: 'scenario/42-oauth-login: passwords and refresh tokens are taken only where they are switched on',
    file: 'src/auth/oauth.c',
    from: String.raw`	if (st == OK && asked && attempt->oauth->refresh_tokens)`,
    to: String.raw`	if (st == OK && asked)`,
  },
  {
    test: 'scenario/42-oauth-login: a password gives a core token and a refresh token, and that more core tokens',
    file: 'src/auth/oauth.c',
    from: String.raw`token.kind != TOKEN_REFRESH ||`,
    to: String.raw``,
  },
  {
    test: 'scenario/42-oauth-login: a password gives a core token and a refresh token, and that more core tokens',
    file: 'src/auth/oauth.c',
    from: String.raw`strcmp(token.client_id, app.client_id) != 0)`,
    to: String.raw`false)`,
  },
  {
    test: 'scenario/42-oauth-login: a password gives a core token and a refresh token, and that more core tokens',
    file: 'src/auth/oauth.c',
    from: String.raw`(struct basis){.scopes = token.scopes,`,
    to: String.raw`(struct basis){.scopes = app.scopes,`,
  },
  {
    test: 'scenario/42-oauth-login: a password gives a core token and a refresh token, and that more core tokens',
    file: 'src/auth/oauth.c',
    from: String.raw`.refresh_always = true};`,
    to: String.raw`.refresh_asked = true};`,
  },
  {
    test: 'scenario/42-oauth-login: a password gives a core token and a refresh token, and that more core tokens',
    file: 'src/auth/oauth_assertion.c',
    from: String.raw`.refresh_asked = true};`,
    to: String.raw`.refresh_always = true};`,
  },
  {
    test: 'scenario/42-oauth-login: nobody can tell by a refusal what was wrong',
    file: 'src/auth/oauth.c',
    from: String.raw`	if (!fits || st != OK || !is_password)
`,
    to: String.raw`	if (!fits)
		return refuse_client(attempt, &app);
	if (st != OK || !is_password)
`,
  },
  {
    test: 'scenario/42-oauth-login: nobody can tell by a refusal what was wrong',
    file: 'src/auth/oauth.c',
    from: String.raw`	if (!fits || st != OK || !is_password)
`,
    to: String.raw`	if (!fits || st != OK)
`,
  },
  {
    test: 'scenario/42-oauth-login: nobody can tell by a refusal what was wrong',
    file: 'src/auth/oauth.c',
    from: String.raw`	if (!fits || st != OK || !is_password)
`,
    to: String.raw`	if (st != OK || !is_password)
`,
  },
  {
    test: 'scenario/42-oauth-login: nobody can tell by a refusal what was wrong',
    file: 'src/api/oauth.c',
    from: String.raw`	} else if (is_basic && strcmp`,
    to: String.raw`	} else if (false && strcmp`,
  },
  {
    test: 'scenario/42-oauth-login: where the server is, is where the client asked',
    file: 'src/api/origin.c',
    from: String.raw`slice_is_nocase(forwarded, "https"))`,
    to: String.raw`false)`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: a core token is exchanged in each way in which the clients ask',
    file: 'src/api/oauth.c',
    from: String.raw`		    !auth_read_bearer(header, &form.subject_token))`,
    to: String.raw`		    auth_read_bearer(header, &form.subject_token))`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: a core token is exchanged in each way in which the clients ask',
    file: 'src/api/oauth.c',
    from: String.raw`		if (form.subject_token.ptr == NULL &&
`,
    to: String.raw`		if (
`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: a core token is exchanged in each way in which the clients ask',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`	uuid_make(id);`,
    to: String.raw`	memset(id, 0, sizeof(id));`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: it is a JWT with the claims that clients look into, signed with the newest key',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`"a360/local"`,
    to: String.raw`"a360"`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: it is a JWT with the claims that clients look into, signed with the newest key',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`	    .scopes = core.scopes,`,
    to: String.raw`	    .scopes = 7,`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: it is a JWT with the claims that clients look into, signed with the newest key',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`form->dataspace.len > 0 ? form->dataspace : SLICE("default")`,
    to: String.raw`SLICE("default")`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: what is no core token is not exchanged, and no failure is counted',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`	if (core.kind != TOKEN_CORE)`,
    to: String.raw`	if (core.kind == TOKEN_STATIC)`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: what is no core token is not exchanged, and no failure is counted',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`	if (form->subject_token_type.len > 0 &&`,
    to: String.raw`	if (form->subject_token_type.len > 99 &&`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: what is no core token is not exchanged, and no failure is counted',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`return name.len <= DATASPACE_BYTES_MAX && utf8_is_valid(name);`,
    to: String.raw`return utf8_is_valid(name);`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: what is no core token is not exchanged, and no failure is counted',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`return name.len <= DATASPACE_BYTES_MAX && utf8_is_valid(name);`,
    to: String.raw`return name.len <= DATASPACE_BYTES_MAX;`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: what is no core token is not exchanged, and no failure is counted',
    file: 'src/auth/oauth.c',
    from: String.raw`	return strcmp(attempt->grant, "exchange") != 0 &&
`,
    to: String.raw`	return
`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: a token is good for two hours',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`	if (auth_has_ended(&core, attempt->now_us))`,
    to: String.raw`	if (auth_has_ended(&core, 0))`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: a token is good for two hours',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`.expires_us = attempt.now_us + OAUTH_TENANT_US,`,
    to: String.raw`.expires_us = core.expires_us,`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: a token is good for two hours',
    file: 'src/api/api.c',
    from: String.raw`st == E_NOT_FOUND || st == E_GONE) {`,
    to: String.raw`st == E_NOT_FOUND) {`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: a token is good for two hours',
    file: 'src/api/api.c',
    from: String.raw`"Bearer error=\"invalid_token\""`,
    to: String.raw`"Bearer"`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: a token ends when it is revoked, in whichever way one asks',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`	return st == E_NOT_FOUND ? OK : st;`,
    to: String.raw`	return st;`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: a token ends when it is revoked, in whichever way one asks',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`		st = catalog_token_revoke(oauth->catalog, token.id, &count, err);`,
    to: String.raw`		st = token.kind == TOKEN_STATIC ? OK : catalog_token_revoke(oauth->catalog, token.id, &count, err);`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: a tenant token stays when its core token is revoked',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`	    .parent = core.parent};`,
    to: String.raw`	    .parent = core.id};`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: with a refresh token ends all that came of it, and nothing else',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`	    .parent = core.parent};`,
    to: String.raw`	    .parent = 0};`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: with a refresh token ends all that came of it, and nothing else',
    file: 'src/auth/oauth.c',
    from: String.raw`	basis->parent = row.id;`,
    to: String.raw`	basis->parent = 0;`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: with a refresh token ends all that came of it, and nothing else',
    file: 'src/auth/oauth.c',
    from: String.raw`.parent = token.id};`,
    to: String.raw`.parent = 0};`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: with --instance-url host a tenant token comes with the bare host, a core token with the URL',
    file: 'src/serve/serve.c',
    from: String.raw`house->config.instance_url == INSTANCE_URL_HOST`,
    to: String.raw`false`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: with --instance-url host a tenant token comes with the bare host, a core token with the URL',
    file: 'src/api/oauth.c',
    from: String.raw`api->instance_is_host ? form.host : buffer_slice(&origin)`,
    to: String.raw`form.instance`,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: errors below these paths have OAuth\'s form, whatever they are about',
    file: 'src/serve/serve.c',
    from: String.raw`    {OAUTH_EXCHANGE_PREFIX, oauth_write_error},
`,
    to: String.raw``,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: errors below these paths have OAuth\'s form, whatever they are about',
    file: 'src/api/oauth.c',
    from: String.raw`	case 401:
		return "invalid_token";
`,
    to: String.raw``,
  },
  {
    test: 'scenario/43-oauth-exchange-revoke: errors below these paths have OAuth\'s form, whatever they are about',
    file: 'src/http/respond.c',
    from: String.raw`	const struct http_options *options = &request->server->options;

	for (size_t i = 0;`,
    to: String.raw`	const struct http_options *options = &request->server->options;

	for (size_t i = 1;`,
  },
  {
    test: 'scenario/44-login-limit-audit: after ten failures an address has to wait, and nobody else has',
    file: 'src/auth/oauth.c',
    from: String.raw`		login_limit_failed(attempt->oauth->limit, address, clock_mono_us());
`,
    to: String.raw``,
  },
  {
    test: 'scenario/44-login-limit-audit: after ten failures an address has to wait, and nobody else has',
    file: 'src/auth/oauth.c',
    from: String.raw`strcmp(error, "invalid_grant") == 0);`,
    to: String.raw`true);`,
  },
  {
    test: 'scenario/44-login-limit-audit: after ten failures an address has to wait, and nobody else has',
    file: 'src/api/oauth.c',
    from: String.raw`(wait_us + 999999) / 1000000);`,
    to: String.raw`wait_us);`,
  },
  {
    test: 'scenario/44-login-limit-audit: after ten failures an address has to wait, and nobody else has',
    file: 'src/http/request.c',
    from: String.raw`	inet_ntop(address.ss_family, binary, ret_text, INET6_ADDRSTRLEN);`,
    to: String.raw`	(void)binary;`,
  },
  {
    test: 'scenario/44-login-limit-audit: what happens to tokens has its line, and no line has a secret',
    file: 'src/auth/oauth.c',
    from: String.raw`		audit_made(token, attempt->grant, attempt->form->address);`,
    to: String.raw`		(void)0;`,
  },
  {
    test: 'scenario/44-login-limit-audit: what happens to tokens has its line, and no line has a secret',
    file: 'src/auth/oauth.c',
    from: String.raw`	audit_used(attempt->oauth->audit, &token, form->address);
`,
    to: String.raw``,
  },
  {
    test: 'scenario/44-login-limit-audit: what happens to tokens has its line, and no line has a secret',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`	audit_used(oauth->audit, &core, form->address);
`,
    to: String.raw``,
  },
  {
    test: 'scenario/44-login-limit-audit: what happens to tokens has its line, and no line has a secret',
    file: 'src/auth/oauth_exchange.c',
    from: String.raw`		audit_revoked(&token, count, address);`,
    to: String.raw`		audit_revoked(&token, 1, address);`,
  },
  {
    test: 'scenario/44-login-limit-audit: what happens to tokens has its line, and no line has a secret',
    file: 'src/api/api.c',
    from: String.raw`	audit_used(api->oauth.audit, token, request_peer(request));
`,
    to: String.raw``,
  },
  {
    test: 'scenario/44-login-limit-audit: what happens to tokens has its line, and no line has a secret',
    file: 'src/auth/oauth.c',
    from: String.raw`	attempt->user = form->username;
`,
    to: String.raw`	attempt->user = form->password;
`,
  },
  {
    test: 'scenario/44-login-limit-audit: who is refused again and again does not fill the log',
    file: 'src/auth/oauth.c',
    from: String.raw`		audit_refused(attempt->grant, attempt->app, attempt->user, address, reason);
	} else`,
    to: String.raw`	} else`,
  },
  {
    test: 'scenario/44-login-limit-audit: who is refused again and again does not fill the log',
    file: 'src/api/api.c',
    from: String.raw`audit_refused_often(api->oauth.audit, "bearer", slice_of(has_app ? token->name : ""),
	    slice_of`,
    to: String.raw`audit_refused("bearer", slice_of(has_app ? token->name : ""),
	    slice_of`,
  },
  {
    test: 'scenario/01-serve: no request passes without a token',
    file: 'src/api/api.c',
    from: String.raw`	if (is_bearer)
`,
    to: String.raw``,
  },
  {
    test: 'scenario/42-oauth-login: nor by the time that it takes',
    file: 'src/auth/oauth.c',
    from: String.raw`	is_password = secret_is_password(form->password, user.password);`,
    to: String.raw`	is_password = st == OK && secret_is_password(form->password, user.password);`,
  },
  {
    test: 'scenario/42-oauth-login: nor by the time that it takes',
    file: 'src/auth/oauth.c',
    from: String.raw`	is_password = secret_is_password(form->password, user.password);`,
    to: String.raw`	is_password = fits && secret_is_password(form->password, user.password);`,
  },
];
