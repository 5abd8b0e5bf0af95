meter apply catalog.yaml >/dev/null
for map in id 'id=' 'colour=x' 'id=a,id=b' 'id=#line' 'properties.=x'; do
	meter quarantine retry --map "$map"
	echo "exit $?"
done
