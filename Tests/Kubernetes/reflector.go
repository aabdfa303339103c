// client-go's reflector over a server's events, as controllers have it: prints what it holds each
// time a line comes in, and ends with its input.
//
//	reflector SERVER NAMESPACE
//
// scripts/kube builds it among the sources of Kubernetes.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

func main() {
	client := kubernetes.NewForConfigOrDie(&rest.Config{Host: os.Args[1]})
	lister := cache.NewListWatchFromClient(
		client.CoreV1().RESTClient(), "events", os.Args[2], fields.Everything())
	store := cache.NewStore(cache.MetaNamespaceKeyFunc)
	reflector := cache.NewReflector(lister, &v1.Event{}, store, 0)
	stop := make(chan struct{})
	go reflector.Run(stop)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		counts := map[string]int32{}
		for _, item := range store.List() {
			event := item.(*v1.Event)
			counts[event.Name] = event.Count
		}
		json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
			"version": reflector.LastSyncResourceVersion(), "counts": counts,
		})
	}
	close(stop)
}
