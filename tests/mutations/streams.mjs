// SPDX-License-Identifier: Apache-2.0
// How to break the shapes of objects and the streaming routes: each entry makes the named test fail (script/prove-tests).
export default [
  {
    test: 'unit/shape_test: a_shape_is_made_once_and_given_again',
    file: 'src/catalog/shape.c',
    from: String.raw`	if (held != NULL && is_current(held, stream))
		found`,
    to: String.raw`	if (held != NULL && is_current(held, stream) && held->users > 5)
		found`,
  },
  {
    test: 'unit/shape_test: a_new_document_makes_a_new_shape_and_the_old_one_stays_for_its_users',
    file: 'src/catalog/shape.c',
    from: String.raw`made->revision == stream->revision &&`,
    to: String.raw`true &&`,
  },
  {
    test: 'unit/shape_test: another_setting_makes_a_new_shape',
    file: 'src/catalog/shape.c',
    from: String.raw`made->refresh == stream->refresh &&`,
    to: String.raw`true &&`,
  },
  {
    test: 'unit/shape_test: a_stream_made_anew_has_a_shape_of_its_own',
    file: 'src/catalog/catalog_sqlite_sql.def',
    from: String.raw`?7, lower(hex(randomblob(16))))`,
    to: String.raw`?7, lower(hex(?2 || ?1)))`,
  },
  {
    test: 'unit/shape_test: of_too_many_shapes_the_longest_unasked_goes_unless_it_is_used',
    file: 'src/catalog/shape.c',
    from: String.raw`			if ((*link)->users == 0 &&
`,
    to: String.raw`			if ((*link)->users >= 9 &&
`,
  },
  {
    test: 'unit/shape_test: any_number_of_threads_may_ask_while_documents_change',
    file: 'src/catalog/shape.c',
    from: String.raw`is_last = held->users == 0 && held->is_replaced;`,
    to: String.raw`is_last = false;`,
  },
];
