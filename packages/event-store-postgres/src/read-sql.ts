export const readStreams = `
CREATE FUNCTION read_streams(r_stream text[], r_from int[], r_backwards boolean[], r_limit bigint[])
RETURNS TABLE (request int, "position" bigint, stream text, version int, id uuid, recorded_at timestamp, type text, data json, personal json, metadata json)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET enable_sort = off
AS $$
BEGIN
  RETURN QUERY
  SELECT r.place::int, e.position, e.stream, e.version, e.id, e.recorded_at AT TIME ZONE 'UTC', e.type, e.data, e.personal, e.metadata
    FROM unnest(r_stream, r_from, r_backwards, r_limit) WITH ORDINALITY AS r (name, start, backwards, most, place)
    JOIN event_store.streams s ON s.name = r.name
    CROSS JOIN LATERAL (
      (SELECT f.* FROM event_store.events f
        WHERE NOT r.backwards AND f.stream_id = s.id AND f.version >= r.start ORDER BY f.stream_id, f.version LIMIT r.most)
      UNION ALL
      (SELECT b.* FROM event_store.events b
        WHERE r.backwards AND b.stream_id = s.id AND b.version <= r.start ORDER BY b.stream_id DESC, b.version DESC LIMIT r.most)
    ) e;
END $$`;

/**
 * A page of the order and the head, from the caller's one snapshot. A row without an event (position NULL) tells the head of an
 * empty page. Planned once per session: a plan made anew for every page costs several times what reading a short page does.
 * Each category is read in its own index's order; one index range for several would have to be sorted whole.
 */
export const readPages = `
CREATE FUNCTION read_page(r_after bigint, r_limit bigint, r_categories text[])
RETURNS TABLE (head bigint, "position" bigint, stream text, version int, id uuid, recorded_at timestamp, type text, data json, personal json, metadata json)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off
AS $$
DECLARE
  last CONSTANT bigint := coalesce((SELECT e.position FROM event_store.events e ORDER BY e.position DESC LIMIT 1), 0);
BEGIN
  IF r_categories IS NULL THEN
    RETURN QUERY
    SELECT last, e.position, e.stream, e.version, e.id, e.recorded_at AT TIME ZONE 'UTC', e.type, e.data, e.personal, e.metadata
      FROM event_store.events e WHERE e.position > r_after ORDER BY e.position LIMIT r_limit;
  ELSE
    RETURN QUERY
    SELECT last, e.position, e.stream, e.version, e.id, e.recorded_at AT TIME ZONE 'UTC', e.type, e.data, e.personal, e.metadata
      FROM unnest(r_categories) AS c (name)
      CROSS JOIN LATERAL (
        SELECT * FROM event_store.events f WHERE f.category = c.name AND f.position > r_after ORDER BY f.position LIMIT r_limit
      ) e
     ORDER BY e.position LIMIT r_limit;
  END IF;
  IF NOT FOUND THEN
    RETURN QUERY SELECT last, NULL::bigint, NULL::text, NULL::int, NULL::uuid, NULL::timestamp, NULL::text, NULL::json, NULL::json, NULL::json;
  END IF;
END $$`;

/**
 * `read_page` that reads each category in its own index whatever the statistics say. With `category = …` the planner may walk all events
 * in order and throw away the others': for a category without events, all of the store for every page.
 */
export const readCategories = readPages.replace('CREATE FUNCTION', 'CREATE OR REPLACE FUNCTION').replace(
  'WHERE f.category = c.name AND f.position > r_after ORDER BY f.position LIMIT r_limit',
  'WHERE (f.category, f.position) > (c.name, r_after) AND f.category <= c.name ORDER BY f.category, f.position LIMIT r_limit',
);
