from django.db import migrations, models

TRIGGER = """
-- Only the housekeeping says that what was given before a moment may go.
CREATE FUNCTION rejudgement_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND
        OLD.at < nullif(current_setting('synccenter.forget_before', true), '')::timestamptz
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;

DROP TRIGGER rejudgement_append_only ON errors_rejudgement;
CREATE TRIGGER rejudgement_append_only BEFORE UPDATE OR DELETE ON errors_rejudgement
FOR EACH ROW EXECUTE FUNCTION rejudgement_keeps();
"""
REMOVE = """
DROP TRIGGER rejudgement_append_only ON errors_rejudgement;
CREATE TRIGGER rejudgement_append_only BEFORE UPDATE OR DELETE ON errors_rejudgement
FOR EACH ROW EXECUTE FUNCTION append_only();
DROP FUNCTION rejudgement_keeps();
"""


class Migration(migrations.Migration):

    dependencies = [('errors', '0001_initial')]

    operations = [
        migrations.RunSQL(TRIGGER, REMOVE),
        migrations.AddIndex(
            model_name='unrecognisederror',
            index=models.Index(fields=['last_seen'], name='unrecognised_last_seen'),
        ),
    ]
