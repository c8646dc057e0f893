-- A day that nothing was written to for an hour becomes one part, which is read without looking for newer rows.
ALTER TABLE spans{local}
    MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;
ALTER TABLE traces{local}
    MODIFY SETTING min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1;
