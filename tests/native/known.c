/* Makes blocks of which it tells the truth, then waits: a tree that a static variable holds, a list that a global one does, blocks that nothing holds. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
    long key;
    struct node *left, *right;
    char text[9];
};

struct item {
    struct item *next;
    int value;
};

static struct node *tree;
struct item *list;

__attribute__((noinline)) static struct node *make_node(long key)
{
    struct node *made = malloc(sizeof *made);
    made->key = key;
    made->left = made->right = NULL;
    return made;
}

static void insert(long key)
{
    struct node **at = &tree;
    while (*at)
        at = key < (*at)->key ? &(*at)->left : &(*at)->right;
    *at = make_node(key);
}

static void tell(const struct node *node)
{
    if (!node)
        return;
    printf("node %lx %lx %lx\n", (long)node, (long)node->left, (long)node->right);
    tell(node->left);
    tell(node->right);
}

__attribute__((noinline)) static void leak(void)
{
    for (int i = 0; i < 10; i++) {
        void *volatile lost = malloc(333);
        if (lost)
            lost = NULL;
    }
}

/* Overwrites what earlier calls have left on the stack. */
__attribute__((noinline)) static void scrub(void)
{
    volatile char room[16384];
    memset((char *)room, 0, sizeof room);
}

int main(void)
{
    void *aligned = NULL, *odd = memalign(64, 77), *none = malloc(0);
    char *grown = realloc(NULL, 10);
    volatile size_t most = (size_t)-1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (long i = 0; i < 1000; i++)
        insert(i * 7919 % 1000);
    for (int i = 0; i < 100; i++) {
        struct item *made = calloc(1, sizeof *made);
        made->next = list;
        made->value = i;
        list = made;
    }
    leak();
    scrub();
    if (posix_memalign(&aligned, 4096, 5000) != 0 || posix_memalign(&aligned, 24, 8) == 0)
        return 3;
    strcpy(grown, "kept");
    grown = reallocarray(grown, 1000, 50);
    if (strcmp(grown, "kept") != 0 || malloc_usable_size(grown) < 50000 || malloc_usable_size(odd) < 77)
        return 4;
    if (reallocarray(grown, most, 2) || calloc(most, 2) || malloc(most / 2))
        return 5;
    tell(tree);
    for (struct item *item = list; item; item = item->next)
        printf("item %p\n", (void *)item);
    printf("block %p 5000 4096\nblock %p 77 64\nblock %p 0 16\nblock %p 50000 16\n", aligned, odd, none, (void *)grown);
    puts("listening");
    getchar();
    free(aligned);
    free(odd);
    free(none);
    free(grown);
    while (list) {
        struct item *next = list->next;
        free(list);
        list = next;
    }
    return 0;
}
