# Columns line up as a terminal shows them: two columns for a character of Chinese, none for an accent of its own.
meter apply catalog.yaml >/dev/null
n=0
for model in 大模型 modèle "$(printf 'mode\314\200le')" large; do
	n=$((n + 1))
	echo "{\"id\":\"$n\",\"subscription\":\"acme\",\"type\":\"llm.call\",\"timestamp\":\"2025-01-01T00:00:00Z\",\"properties\":{\"model\":\"$model\",\"tokens\":1}}"
done | meter replay - --json | cut -d, -f1-2
meter query tokens --group-by model
