import { look } from './append-sql.ts';

/** `write_group` as step 8 made it; step 9 put another in its place. It looked for new streams before it inserted them. */
export const firstWriteGroup = `
CREATE FUNCTION write_group(
  a_stream text[], a_expected int[], a_before int[], e_append int[], e_index int[],
  e_id uuid[], e_type text[], e_data json[], e_personal json[], e_metadata json[], e_recorded timestamptz[]
) RETURNS bigint[] LANGUAGE plpgsql
SET lock_timeout = '5s' SET plan_cache_mode = force_generic_plan SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
  head bigint;
  ids bigint[]; -- 0 = without events
  held bigint[];
  any_known boolean;
  to_judge boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(7234017283807667300);

  SELECT coalesce((SELECT e.position FROM event_store.events e ORDER BY e.position DESC LIMIT 1), 0),
         EXISTS (SELECT FROM event_store.streams s WHERE s.name = ANY (a_stream))
    INTO head, any_known;
  ids := array_fill(0::bigint, ARRAY[cardinality(a_stream)]);
  held := ids;

  IF any_known OR 0 < ANY (a_expected) THEN
    ids := ARRAY(SELECT coalesce((SELECT s.id FROM event_store.streams s WHERE s.name = a.name), 0) FROM unnest(a_stream) AS a (name));
${look('ids')}    IF to_judge THEN
      RETURN NULL;
    END IF;
  END IF;

  IF 0 = ANY (ids) THEN
    INSERT INTO event_store.streams (id, name)
    SELECT 1099511627777 + head + a.before, a.name
      FROM (SELECT unnest(ids) AS id, unnest(a_before) AS before, unnest(a_stream) AS name) a WHERE a.id = 0;
  END IF;
  INSERT INTO event_store.events (position, stream_id, version, id, recorded_at, category, stream, type, data, personal, metadata)
  SELECT head + x.place, coalesce(nullif(ids[x.append], 0), 1099511627777 + head + a_before[x.append]), held[x.append] + x.index,
         x.id, coalesce(x.recorded, clock_timestamp()),
         split_part(a_stream[x.append], '-', 1), a_stream[x.append], x.type, x.data, x.personal, x.metadata
    FROM (SELECT generate_subscripts(e_append, 1) AS place, unnest(e_append) AS append, unnest(e_index) AS index, unnest(e_id) AS id, unnest(e_type) AS type,
                 unnest(e_data) AS data, unnest(e_personal) AS personal, unnest(e_metadata) AS metadata, unnest(e_recorded) AS recorded) x;
  RETURN head || held;
END $$`;
