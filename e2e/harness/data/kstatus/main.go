// kstatus prints what kstatus makes of objects: Flux's `wait`, Helm 4 and kpt decide by it whether to go on.
//
// It reads JSON objects from standard input, as the API server sends them, and prints a status for each, a line each:
// InProgress, Current, Failed or Terminating.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	log.SetFlags(0)
	for decoder := json.NewDecoder(os.Stdin); ; {
		var object unstructured.Unstructured
		switch err := decoder.Decode(&object); {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			log.Fatalf("kstatus: no object: %v", err)
		}
		result, err := status.Compute(&object)
		if err != nil {
			log.Fatalf("kstatus: %s %s: %v", object.GetKind(), object.GetName(), err)
		}
		fmt.Println(result.Status)
	}
}
